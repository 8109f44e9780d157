package configsync

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const maxACLs = 1000 // in one request; each is a record of metadata

// createACLs writes down what it is about to make, then makes it.
func (w *work) createACLs(ctx context.Context, changes []Change) {
	if len(changes) == 0 || w.deps.Ledger == nil {
		return
	}
	// What forbids comes before what allows, lest more be allowed for a moment.
	slices.SortStableFunc(changes, func(a, b Change) int { return int(a.ACL.Permission) - int(b.ACL.Permission) })
	acls := make([]ACL, len(changes))
	for i, c := range changes {
		acls[i] = *c.ACL
	}
	if err := w.deps.Ledger.OwnACLs(ctx, acls); err != nil {
		w.err(fmt.Errorf("remember %s before creating them: %w", countOf(len(acls), "ACL"), err))
		return
	}
	for chunk := range slices.Chunk(changes, maxACLs) {
		req := kmsg.NewPtrCreateACLsRequest()
		for _, c := range chunk {
			rc := kmsg.NewCreateACLsRequestCreation()
			rc.ResourceType, rc.ResourcePatternType, rc.ResourceName = c.ACL.Resource, c.ACL.Pattern, c.ACL.Name
			rc.Principal, rc.Host, rc.Operation, rc.PermissionType = c.ACL.Principal, c.ACL.Host, c.ACL.Operation, c.ACL.Permission
			req.Creations = append(req.Creations, rc)
		}
		resp, err := req.RequestWith(ctx, w.deps.Target)
		if err != nil {
			w.err(fmt.Errorf("create %s on the target: %w", countOf(len(chunk), "ACL"), err))
			continue
		}
		var answers []aclAnswer
		for _, r := range resp.Results {
			answers = append(answers, aclAnswer{kerr.ErrorForCode(r.ErrorCode), r.ErrorMessage})
		}
		w.forget(ctx, w.aclsAnswered(chunk, answers, "create").refused)
	}
}

// deleteACLs deletes ACLs and forgets them afterwards.
func (w *work) deleteACLs(ctx context.Context, changes []Change) {
	if w.deps.Ledger == nil {
		return
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return int(b.ACL.Permission) - int(a.ACL.Permission) })
	for chunk := range slices.Chunk(changes, maxACLs) {
		req := kmsg.NewPtrDeleteACLsRequest()
		for _, c := range chunk {
			rf := kmsg.NewDeleteACLsRequestFilter()
			rf.ResourceType, rf.ResourcePatternType, rf.ResourceName = c.ACL.Resource, c.ACL.Pattern, &c.ACL.Name
			rf.Principal, rf.Host, rf.Operation, rf.PermissionType = &c.ACL.Principal, &c.ACL.Host, c.ACL.Operation, c.ACL.Permission
			req.Filters = append(req.Filters, rf)
		}
		resp, err := req.RequestWith(ctx, w.deps.Target)
		if err != nil {
			w.err(fmt.Errorf("delete %s on the target: %w", countOf(len(chunk), "ACL"), err))
			continue
		}
		var answers []aclAnswer
		for _, r := range resp.Results {
			answers = append(answers, aclAnswer{kerr.ErrorForCode(r.ErrorCode), r.ErrorMessage})
		}
		w.forget(ctx, w.aclsAnswered(chunk, answers, "delete").done)
	}
}

type aclAnswer struct {
	err     error
	message *string
}

// aclOutcome has the keys of the ledger.
type aclOutcome struct{ done, refused []string }

// aclsAnswered sorts out the answers, which are in the order of the request.
func (w *work) aclsAnswered(changes []Change, answers []aclAnswer, verb string) (out aclOutcome) {
	var denied []Change
	for i, c := range changes {
		switch {
		case i >= len(answers): // an answer that is cut short: the next plan tells
			continue
		case answers[i].err == nil:
			w.done(c)
			out.done = append(out.done, aclKey(*c.ACL))
			continue
		case isDenied(answers[i].err):
			denied = append(denied, c)
		default:
			w.refuse(fmt.Sprintf("the target refuses to %s ACL %s: %s", verb, c.ACL, said(answers[i].err, answers[i].message)), c)
		}
		out.refused = append(out.refused, aclKey(*c.ACL))
	}
	if len(denied) > 0 {
		w.refuse(fmt.Sprintf("not allowed to %s %s on the target; grant ALTER on Cluster, or switch the copying of ACLs off",
			verb, countOf(len(denied), "ACL")), denied...)
	}
	return out
}

func (w *work) forget(ctx context.Context, keys []string) {
	if len(keys) > 0 {
		w.err(w.deps.Ledger.forget(ctx, keys))
	}
}

// deleteTopics deletes by id: a topic that somebody has just made under the
// same name is another one.
func (w *work) deleteTopics(ctx context.Context, changes []Change) {
	if w.deps.Ledger == nil {
		return
	}
	for chunk := range slices.Chunk(changes, maxCreateTopics) {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.TimeoutMillis = adminTimeoutMillis
		byID := make(map[[16]byte]Change, len(chunk))
		for _, c := range chunk {
			id, err := base64.RawURLEncoding.DecodeString(c.TopicID)
			if err != nil || len(id) != 16 {
				panic(fmt.Sprintf("configsync: delete topic %s with id %q", c.Topic, c.TopicID)) // Diff made it
			}
			rt := kmsg.NewDeleteTopicsRequestTopic()
			rt.TopicID = [16]byte(id)
			byID[rt.TopicID] = c
			req.Topics = append(req.Topics, rt)
		}
		resp, err := req.RequestWith(ctx, w.deps.Target)
		if err != nil {
			w.err(fmt.Errorf("delete %s on the target: %w", countOf(len(chunk), "topic"), err))
			continue
		}
		var gone []string
		for _, r := range resp.Topics {
			c, ok := byID[r.TopicID]
			if !ok {
				continue
			}
			switch err := kerr.ErrorForCode(r.ErrorCode); {
			case err == nil:
				w.done(c)
				gone = append(gone, topicKey(c.Topic))
			case isDenied(err):
				w.refuse(fmt.Sprintf("not allowed to delete topic %s on the target; grant DELETE on it, or set topic_deletion to keep", c.Topic), c)
			default:
				w.refuse(fmt.Sprintf("the target refuses to delete topic %s: %s", c.Topic, said(err, r.ErrorMessage)), c)
			}
		}
		w.forget(ctx, gone)
	}
}

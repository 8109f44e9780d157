package configsync

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ACL is one binding, in the words of Kafka's tools. It is comparable.
type ACL struct {
	Resource   kmsg.ACLResourceType        `json:"resource"`
	Pattern    kmsg.ACLResourcePatternType `json:"pattern"`
	Name       string                      `json:"name"`
	Principal  string                      `json:"principal"`
	Host       string                      `json:"host"`
	Operation  kmsg.ACLOperation           `json:"operation"`
	Permission kmsg.ACLPermissionType      `json:"permission"`
}

// String is for people: "ALLOW READ on TOPIC A.orders for User:app from *".
func (a ACL) String() string {
	name := a.Name
	if a.Pattern == kmsg.ACLResourcePatternTypePrefixed {
		name += " (prefix)"
	}
	return fmt.Sprintf("%s %s on %s %s for %s from %s", a.Permission, a.Operation, a.Resource, name, a.Principal, a.Host)
}

// ACLMode says which ACLs of the source belong on the target.
type ACLMode string

// ACLsOff leaves ACLs alone. ACLsJava follows Java MirrorMaker 2: readers of a
// topic may read its copy, and nobody may write it. ACLsExact is for a target
// that takes over from the source: every right on a copied topic, a group or a
// transactional id.
const (
	ACLsOff   ACLMode = ""
	ACLsJava  ACLMode = "java"
	ACLsExact ACLMode = "exact"
)

// resources are the kinds of resources that a mode reads ACLs of.
func (m ACLMode) resources() []kmsg.ACLResourceType {
	switch m {
	case ACLsJava:
		return []kmsg.ACLResourceType{kmsg.ACLResourceTypeTopic}
	case ACLsExact:
		return []kmsg.ACLResourceType{kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup, kmsg.ACLResourceTypeTransactionalId}
	}
	return nil
}

const wildcard = "*"

// copied is what an ACL of the source becomes on the target; why says in
// words why it has no counterpart there although somebody may expect one.
func (r Rules) copied(a ACL) (copied ACL, ok bool, why string) {
	switch {
	case a.Resource != kmsg.ACLResourceTypeTopic:
		return a, slices.Contains(r.ACLs.resources(), a.Resource), ""
	case a.Name == wildcard:
		return ACL{}, false, "it is about every topic of the source, and the target has topics of its own"
	case r.ACLs == ACLsJava && a.Pattern != kmsg.ACLResourcePatternTypeLiteral:
		if a.Permission == kmsg.ACLPermissionTypeDeny {
			why = "acl_mode java copies no prefixed ACLs"
		}
		return ACL{}, false, why
	case r.ACLs == ACLsJava && a.Permission == kmsg.ACLPermissionTypeAllow && a.Operation == kmsg.ACLOperationWrite:
		return ACL{}, false, ""
	case r.ACLs == ACLsJava && a.Permission == kmsg.ACLPermissionTypeAllow && a.Operation == kmsg.ACLOperationAll:
		a.Operation = kmsg.ACLOperationRead
	}
	a.Name = r.remoteName(a.Name, a.Pattern)
	return a, true, ""
}

// remoteName renames a topic or the beginning of topics' names.
func (r Rules) remoteName(name string, pattern kmsg.ACLResourcePatternType) string {
	if pattern == kmsg.ACLResourcePatternTypePrefixed && r.Flow.Policy.Name() == "identity" {
		return name // "…heartbeats" is renamed as a topic, not as a prefix
	}
	return r.Flow.RemoteTopic(name)
}

// concerns tells whether the ACL is about something that the flow copies.
func (r Rules) concerns(a ACL, source Snapshot) bool {
	switch {
	case a.Resource != kmsg.ACLResourceTypeTopic:
		return !strings.HasPrefix(a.Name, "mm2-") // groups and ids of mm2 itself
	case a.Name == wildcard, a.Pattern == kmsg.ACLResourcePatternTypeLiteral:
		return a.Name == wildcard || r.Flow.Replicates(a.Name)
	}
	for name, t := range source.Topics {
		if strings.HasPrefix(name, a.Name) && !t.Internal && r.Flow.Replicates(name) {
			return true
		}
	}
	return false
}

// diffACLs compares the ACLs of both sides.
func (r Rules) diffACLs(p *Plan, source, target Snapshot) {
	for _, side := range []Snapshot{source, target} {
		if side.Authorizer == NoAuthorizer {
			p.Problems = append(p.Problems, Problem{Kind: NoACLs, Text: fmt.Sprintf(
				"cluster %s has no authorizer, so no ACLs are copied; switch the copying of ACLs off if that is meant to be so", side.Cluster)})
		}
	}
	if source.Authorizer != ACLsKnown || target.Authorizer != ACLsKnown {
		return
	}
	there := make(map[ACL]bool, len(target.ACLs))
	for _, a := range target.ACLs {
		there[a] = true
	}
	wanted, backed := make(map[ACL]bool), make(map[ACL]bool)
	for _, a := range source.ACLs {
		if source.Owned.ACLs[a] {
			continue // the flow the other way brought it
		}
		remote, ok, why := r.copied(a)
		concerned := (ok || why != "") && r.concerns(a, source)
		if ok {
			backed[remote] = true
			wanted[remote] = wanted[remote] || concerned
		} else if concerned {
			p.Problems = append(p.Problems, Problem{Kind: UncopiedACL, Text: fmt.Sprintf("not copied: %s of cluster %s: %s", a, source.Cluster, why)})
		}
	}
	for a, want := range wanted {
		if want && !there[a] {
			p.Changes = append(p.Changes, Change{Kind: CreateACL, ACL: &a})
		}
	}
	for a := range target.Owned.ACLs {
		switch {
		case backed[a] || !source.Complete:
		case there[a]:
			p.Changes = append(p.Changes, Change{Kind: DeleteACL, ACL: &a})
		default:
			p.forget = append(p.forget, aclKey(a))
		}
	}
}

package takeover

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"mm2/internal/pipeline"
)

// ErrLive is wrapped by the error of a flow that Java MirrorMaker 2 runs, too.
var ErrLive = errors.New("java mirrormaker 2 runs this flow, too")

// gone returns nil if no Connect worker copies the flow.
func (t *TakeOver) gone(ctx context.Context) error {
	groups, err := t.deps.Admin.DescribeGroups(ctx, t.cfg.Group)
	group := groups[t.cfg.Group]
	if err == nil {
		err = group.Err
	}
	switch {
	case errors.Is(err, kerr.GroupIDNotFound):
		return nil
	case errors.Is(err, kerr.GroupAuthorizationFailed) && t.place.Load() == nil:
		return nil // Connect makes its offsets topic before it joins the group
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return &pipeline.FatalError{
			Err: fmt.Errorf("describe group %s on %s: %w: java mirrormaker 2 ran this flow (topic %s is there), and whether it still does cannot be told",
				t.cfg.Group, t.cfg.Flow.Target, err, t.cfg.OffsetsTopic),
			Remedy: fmt.Sprintf("grant mm2 DESCRIBE on group %s", t.cfg.Group),
		}
	case err != nil:
		return fmt.Errorf("describe group %s on %s: %w", t.cfg.Group, t.cfg.Flow.Target, err)
	}
	if group.ProtocolType != "connect" {
		return nil
	}
	var busy []kadm.DescribedGroupMember
	for _, m := range group.Members {
		if t.copies(m) {
			busy = append(busy, m)
		}
	}
	if len(busy) == 0 {
		return nil
	}
	t.cleared = false // what it leaves behind has to be ended again
	return &pipeline.FatalError{
		Err:    fmt.Errorf("%w: group %s on %s has %s", ErrLive, t.cfg.Group, t.cfg.Flow.Target, members(busy)),
		Remedy: "two writers would copy every record twice: stop these workers and wait until the group has no members, or stop mm2",
	}
}

// copies tells whether a Connect worker copies the flow, or may. Workers of
// dedicated mode do nothing else; those of a Connect cluster do if they were
// given one of the connector's tasks, and may while they were given nothing.
func (t *TakeOver) copies(m kadm.DescribedGroupMember) bool {
	assigned, ok := m.Assigned.AsConnect()
	if !t.shared() || !ok {
		return true
	}
	for _, a := range assigned.Assignment {
		for _, task := range a.Tasks {
			if a.Connector == t.cfg.Connector && task >= 0 { // -1 is the connector itself
				return true
			}
		}
	}
	return false
}

// members names a few.
func members(all []kadm.DescribedGroupMember) string {
	const most = 4
	var names []string
	for i, m := range all {
		if i == most {
			names = append(names, "…")
			break
		}
		names = append(names, fmt.Sprintf("%s at %s", m.MemberID, strings.TrimPrefix(m.ClientHost, "/")))
	}
	count := "1 member"
	if len(all) > 1 {
		count = fmt.Sprintf("%d members", len(all))
	}
	return count + ": " + strings.Join(names, ", ")
}

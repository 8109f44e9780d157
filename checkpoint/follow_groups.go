package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"mm2/internal/kafka"
	"mm2/internal/pipeline"
)

// groupClass says what is done with a group.
type groupClass int

const (
	followed    groupClass = iota
	ignored                // not a consumer: Connect workers, schema registries
	unsupported            // share and streams groups
)

// classify tells consumer groups, of the classic protocol or of KIP-848, and
// groups that only commit from all others. Brokers before 3.8 do not name the
// type.
func classify(groupType, protocol string) groupClass {
	switch strings.ToLower(groupType) {
	case "share", "streams":
		return unsupported
	case "", "classic", "consumer":
		if protocol == "" || protocol == "consumer" {
			return followed
		}
	}
	return ignored
}

// listing is what the source says about its groups.
type listing struct {
	classes     map[string]groupClass
	unsupported []UnsupportedGroup
	complete    bool // every broker answered
}

// list asks every broker for its groups. What some could not tell makes it
// incomplete; it fails only when none could.
func (f *Follower) list(ctx context.Context) (listing, error) {
	l := listing{classes: map[string]groupClass{}, complete: true}
	answered := false
	var failure error
	for _, shard := range f.client.RequestSharded(ctx, kmsg.NewPtrListGroupsRequest()) {
		err := shard.Err
		if err == nil {
			resp := shard.Resp.(*kmsg.ListGroupsResponse)
			if err = kerr.ErrorForCode(resp.ErrorCode); err == nil {
				answered = true
				f.addGroups(&l, resp.Groups)
			}
		}
		if err != nil {
			l.complete = false
			failure = errors.Join(failure, err)
		}
	}
	if !answered {
		if failure == nil {
			failure = errors.New("no broker answered")
		}
		return listing{}, fmt.Errorf("list groups: %w", kafka.Explain(failure))
	}
	slices.SortFunc(l.unsupported, func(a, b UnsupportedGroup) int { return strings.Compare(a.Group, b.Group) })
	return l, nil
}

func (f *Follower) addGroups(l *listing, groups []kmsg.ListGroupsResponseGroup) {
	for _, g := range groups {
		if !f.cfg.Groups.Match(g.Group) {
			continue
		}
		class := classify(g.GroupType, g.ProtocolType)
		l.classes[g.Group] = class
		if class == unsupported {
			l.unsupported = append(l.unsupported, UnsupportedGroup{Group: g.Group, Type: strings.ToLower(g.GroupType)})
		}
	}
}

// refresh lists and remembers. An incomplete listing adds to what is known.
func (f *Follower) refresh(ctx context.Context) (listing, error) {
	l, err := f.list(ctx)
	if err != nil {
		return listing{}, err
	}
	if !l.complete {
		for g, class := range f.classes {
			if _, listed := l.classes[g]; !listed {
				l.classes[g] = class
			}
		}
	}
	f.classes = l.classes
	clear(f.names)
	f.listener.Unsupported(l.unsupported)
	return l, nil
}

// snapshot is all positions at one time.
type snapshot struct {
	positions map[groupPartition]Change
	listed    listing
	unsure    map[string]bool // groups whose positions could not be read, or not all of them

	gone map[groupPartition]bool // positions known before that are not there any more
	err  error                   // why some are unsure; nil if all could be read
}

// lacks reports whether a position that the snapshot does not have is gone.
func (s snapshot) lacks(at groupPartition) bool {
	_, there := s.positions[at]
	_, listed := s.listed.classes[at.group]
	return !there && !s.unsure[at.group] && (listed || s.listed.complete)
}

// tells reports whether the snapshot said something about a position. What it
// does not mention may be a first commit in a transaction that is still open.
func (s snapshot) tells(at groupPartition) bool {
	_, there := s.positions[at]
	return there || s.gone[at]
}

// groupsPerRequest bounds one answer to some megabytes with hundreds of
// partitions a group. The client sends each coordinator its own groups, all at
// the same time.
const groupsPerRequest = 500

// fetch reads the positions of the groups of a listing. Positions in a
// transaction that is still open are left out and come later.
func (f *Follower) fetch(ctx context.Context, l listing) (snapshot, error) {
	s := snapshot{positions: map[groupPartition]Change{}, listed: l, unsure: map[string]bool{}, gone: map[groupPartition]bool{}}
	var groups []string
	for g, class := range l.classes {
		if class == followed {
			groups = append(groups, g)
		}
	}
	slices.Sort(groups)
	failure := error(nil)
	failures := 0
	for chunk := range slices.Chunk(groups, groupsPerRequest) {
		for group, r := range fetchPositions(ctx, f.client, chunk) {
			if r.Err != nil {
				s.unsure[group] = true
				failures++
				failure = fmt.Errorf("read positions of group %s: %w", group, kafka.Explain(r.Err))
				continue
			}
			f.addPositions(&s, group, r.Fetched)
		}
	}
	if failures > 0 && failures == len(groups) {
		return snapshot{}, failure
	}
	if failure != nil {
		s.err = fmt.Errorf("%d group(s) failed, one of them: %w", failures, failure)
	}
	return s, nil
}

func (f *Follower) addPositions(s *snapshot, group string, offsets kadm.OffsetResponses) {
	offsets.Each(func(o kadm.OffsetResponse) {
		switch {
		case o.Topic == "":
			s.unsure[group] = true // a topic id that the client cannot name
		case !f.replicates(o.Topic):
		case o.Err != nil:
			s.unsure[group] = true
		case o.At >= 0:
			p := pipeline.Partition{Topic: o.Topic, Partition: o.Partition}
			s.positions[groupPartition{group, p}] = Change{
				Group: group, Partition: p, Offset: o.At, LeaderEpoch: o.LeaderEpoch, Metadata: o.Metadata,
			}
		}
	})
}

// fetchPositions reads what groups have committed. A group that does not exist
// has no positions. The answer has an entry for every group.
func fetchPositions(ctx context.Context, client *kgo.Client, groups []string) kadm.FetchOffsetsResponses {
	answers := kadm.NewClient(client).FetchManyOffsets(kadm.RequireStable(ctx), groups...)
	for _, group := range groups {
		r, answered := answers[group]
		switch {
		case !answered:
			r = kadm.FetchOffsetsResponse{Group: group, Err: errors.New("the coordinator did not answer for it")}
		case errors.Is(r.Err, kerr.GroupIDNotFound):
			r.Err = nil
		}
		answers[group] = r
	}
	return answers
}

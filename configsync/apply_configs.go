package configsync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A KRaft controller refuses a request that would write more than 10,000
// records of metadata, and each key is one.
const maxAlter = 5000

// configs alters topics, all keys of a topic together. A topic that the target
// refuses is tried again key by key, so that one key does not hold up the rest.
func (w *work) configs(ctx context.Context, changes []Change) {
	w.refusals = make(map[string][]Change)
	var again [][]Change
	for _, chunk := range alterChunks(byTopic(changes)) {
		answers, err := w.alter(ctx, chunk)
		if err != nil {
			w.err(err)
			continue
		}
		for _, topic := range chunk {
			a := answers[topic[0].Topic]
			if a.err != nil && len(topic) > 1 && !isDenied(a.err) && !errors.Is(a.err, kerr.UnknownTopicOrPartition) {
				again = append(again, topic)
				continue
			}
			w.altered(topic, a)
		}
	}
	w.oneByOne(ctx, again)
	for _, why := range slices.Sorted(maps.Keys(w.refusals)) {
		refused := w.refusals[why]
		w.refuse(fmt.Sprintf(why, topicsOf(refused)), refused...)
	}
	w.tellLimits(ctx)
}

// tellLimits lets copying know at once of limits that have changed.
func (w *work) tellLimits(ctx context.Context) {
	limited := make(map[string]bool)
	for _, c := range w.report.Done {
		if c.Key == keyMaxMessageBytes || c.Key == keyCleanupPolicy {
			limited[c.Topic] = true
		}
	}
	if len(limited) > 0 && w.deps.Topics != nil && !w.dry {
		w.deps.Topics.altered(ctx, limited)
	}
}

// topicsOf names the topics of the changes: "2 topics: A.orders, A.users".
func topicsOf(changes []Change) string {
	var names []string
	for _, topic := range byTopic(changes) {
		names = append(names, topic[0].Topic)
	}
	if len(names) == 1 {
		return "topic " + names[0]
	}
	return countOf(len(names), "topic") + " (" + some(names) + ")"
}

// oneByOne tries the keys of the topics one after another, those of different
// topics together.
func (w *work) oneByOne(ctx context.Context, topics [][]Change) {
	for i := 0; ; i++ {
		var round [][]Change
		for _, topic := range topics {
			if i < len(topic) {
				round = append(round, topic[i:i+1])
			}
		}
		if len(round) == 0 {
			return
		}
		for _, chunk := range alterChunks(round) {
			answers, err := w.alter(ctx, chunk)
			if err != nil {
				w.err(err)
				continue
			}
			for _, one := range chunk {
				w.altered(one, answers[one[0].Topic])
			}
		}
	}
}

// altered takes the answer to changes of one topic. What is refused for the
// same reason on many topics is told once.
func (w *work) altered(changes []Change, a alteration) {
	why := "not allowed to alter the configs of %s on the target; grant ALTER_CONFIGS there"
	switch c := changes[0]; {
	case !a.answered, errors.Is(a.err, kerr.UnknownTopicOrPartition):
		return // deleted meanwhile, or new to the broker: the next plan tells
	case a.err == nil:
		w.done(changes...)
		return
	case isDenied(a.err):
	case c.Kind == DeleteConfig:
		why = "the target refuses to delete " + c.Key + " of %s: " + escaped(said(a.err, a.message))
	default:
		why = "the target refuses to set " + escaped(c.Key+"="+deref(c.Value)) + " of %s: " + escaped(said(a.err, a.message))
	}
	w.refusals[why] = append(w.refusals[why], changes...)
}

// escaped is text that stays as it is in a format.
func escaped(text string) string { return strings.ReplaceAll(text, "%", "%%") }

// alteration is the answer about one topic.
type alteration struct {
	answered bool
	err      error
	message  *string
}

func (w *work) alter(ctx context.Context, topics [][]Change) (map[string]alteration, error) {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.ValidateOnly = w.dry
	for _, topic := range topics {
		rr := kmsg.NewIncrementalAlterConfigsRequestResource()
		rr.ResourceType, rr.ResourceName = kmsg.ConfigResourceTypeTopic, topic[0].Topic
		for _, c := range topic {
			rc := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
			rc.Name, rc.Op, rc.Value = c.Key, kmsg.IncrementalAlterConfigOpSet, c.Value
			if c.Kind == DeleteConfig {
				rc.Op = kmsg.IncrementalAlterConfigOpDelete
			}
			rr.Configs = append(rr.Configs, rc)
		}
		req.Resources = append(req.Resources, rr)
	}
	resp, err := req.RequestWith(ctx, w.deps.Target)
	if err != nil {
		return nil, fmt.Errorf("alter the configs of %s on the target: %w", countOf(len(topics), "topic"), err)
	}
	answers := make(map[string]alteration, len(resp.Resources))
	for _, rr := range resp.Resources {
		answers[rr.ResourceName] = alteration{answered: true, err: kerr.ErrorForCode(rr.ErrorCode), message: rr.ErrorMessage}
	}
	return answers, nil
}

// byTopic groups the changes of each topic, in order of the topics.
func byTopic(changes []Change) [][]Change {
	index := make(map[string]int)
	var topics [][]Change
	for _, c := range changes {
		i, ok := index[c.Topic]
		if !ok {
			i = len(topics)
			index[c.Topic], topics = i, append(topics, nil)
		}
		topics[i] = append(topics[i], c)
	}
	slices.SortFunc(topics, func(a, b []Change) int {
		if a[0].Topic < b[0].Topic {
			return -1
		}
		return 1
	})
	return topics
}

func alterChunks(topics [][]Change) [][][]Change {
	var chunks [][][]Change
	keys := 0
	for _, topic := range topics {
		if len(chunks) == 0 || keys+len(topic) > maxAlter || len(chunks[len(chunks)-1]) == maxDescribe {
			chunks, keys = append(chunks, nil), 0
		}
		last := len(chunks) - 1
		chunks[last] = append(chunks[last], topic)
		keys += len(topic)
	}
	return chunks
}

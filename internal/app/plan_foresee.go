package app

import (
	"mm2/configsync"
	"mm2/internal/kafka"
	"mm2/topology"
)

// foresee adds to what each flow finds on its source the topics that the flows
// would make there: heartbeats, and copies that are copied on.
func foresee(planners []*planner) {
	made := make(map[topology.Alias]map[string]configsync.TopicState)
	makes := func(on topology.Alias, name string, t configsync.TopicState) (news bool) {
		if _, known := made[on][name]; known {
			return false
		}
		if made[on] == nil {
			made[on] = make(map[string]configsync.TopicState)
		}
		made[on][name] = t
		return true
	}
	for _, p := range planners {
		for _, t := range p.out.Internal {
			if !t.Exists {
				makes(t.Cluster, t.Name, configsync.TopicState{Partitions: t.Partitions, Configs: []configsync.Entry{
					{Key: kafka.CleanupPolicy, Value: kafka.Compact, Explicit: true},
				}})
			}
		}
	}
	// Names grow with every hop and never come back to where they were, so
	// this ends.
	for news := true; news; {
		news = false
		for _, p := range planners {
			if p.err != nil || !p.cfg.Copy {
				continue
			}
			for name, t := range made[p.cfg.ID.Source] {
				if _, there := p.sides.Source.Topics[name]; !there {
					p.sides.Source.Topics[name] = t
				}
			}
			for _, c := range p.sides.Plan().Of(configsync.CreateTopic) {
				t := configsync.TopicState{Partitions: c.Partitions, Configs: []configsync.Entry{}}
				for key, value := range c.Configs {
					t.Configs = append(t.Configs, configsync.Entry{Key: key, Value: value, Explicit: true})
				}
				news = makes(p.cfg.ID.Target, c.Topic, t) || news
			}
		}
	}
}

package main

import (
	"strings"

	"mm2/internal/config"
)

// planStage is a stage of a flow in the JSON of plan.
type planStage struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Does string `json:"does"`
	// Routes: positions of groups are not translated for what it sends elsewhere.
	Routes bool `json:"routes,omitempty"`
}

func planStages(f config.Flow) (out []planStage) {
	for _, s := range f.Streams {
		out = append(out, planStage{Name: s.Name, Type: string(s.Kind), Does: s.String(), Routes: s.Kind == "Route"})
	}
	return out
}

func (s planStage) text() string {
	text := s.Type + ": " + s.Does
	if s.Routes {
		text += "; positions of groups are not translated for what is routed"
	}
	return text
}

// printStages lists what records pass on their way.
func printStages(b *strings.Builder, cfg *config.Config, flow string) {
	for _, f := range cfg.Flows {
		if f.ID.String() == flow && len(f.Streams) > 0 {
			list(b, "stages", func(add func(string)) {
				for _, s := range planStages(f) {
					add(s.Name + ": " + s.text())
				}
			})
		}
	}
}

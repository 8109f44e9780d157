package settings

import (
	"fmt"
	"os"
	"strings"

	"mm2/internal/properties"
)

// resolve replaces the placeholders of all values, each once, as in Java: what
// a placeholder stands for is not looked at again.
func (r *reader) resolve() {
	providers := r.providers()
	if len(providers) == 0 {
		return
	}
	for name, v := range r.values {
		v.text = properties.ProviderPlaceholder.ReplaceAllStringFunc(v.raw, func(p string) string {
			m := properties.ProviderPlaceholder.FindStringSubmatch(p)
			look, known := providers[m[1]]
			if !known {
				return p
			}
			value, found, err := look(m[3], m[4])
			switch {
			case err != nil:
				r.problem(v, p+" "+err.Error(), "")
			case !found:
				r.warn(v, p+" stands for nothing and is left as it is, as in Java", "")
				return p
			}
			return strings.TrimSpace(value)
		})
		r.values[name] = v
	}
}

// providers are those of config.providers, by name.
func (r *reader) providers() map[string]properties.Look {
	found := make(map[string]properties.Look)
	names := r.values["config.providers"]
	for _, name := range properties.List(names.text) {
		class, ok := r.values["config.providers."+name+".class"]
		if !ok {
			r.problem(names, fmt.Sprintf("the provider %s has no class", name), "add config.providers."+name+".class")
			continue
		}
		look := properties.Provider(strings.TrimPrefix(class.text, properties.ProviderPackage), os.LookupEnv, os.ReadFile)
		if look == nil {
			r.problem(class, properties.KnownProviders, "")
			continue
		}
		found[name] = look
	}
	return found
}

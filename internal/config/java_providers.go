package config

import (
	"fmt"
	"path/filepath"
	"strings"

	"mm2/internal/properties"
)

// provider stands for one config provider of Java.
type provider struct {
	// look looks a key up. found is false for a key that is not there: Java
	// leaves its placeholder as it is.
	look properties.Look
	// toml is the placeholder of the same meaning in TOML.
	toml func(path, key string) string
}

// javaProviders are the config.providers of the file, by name.
func (s *source) javaProviders(raw javaConfig) map[string]provider {
	classes := map[string]provider{
		properties.FileProvider: {
			toml: func(path, key string) string { return "${file:" + path + ":" + key + "}" },
		},
		properties.DirectoryProvider: {
			toml: func(path, key string) string { return "${file:" + filepath.Join(path, key) + "}" },
		},
		properties.EnvVarProvider: {
			toml: func(_, key string) string { return "${env:" + key + "}" },
		},
	}
	providers := make(map[string]provider)
	names, ok := raw["config.providers"]
	if !ok {
		return providers
	}
	for _, name := range properties.List(names.text) {
		key := "config.providers." + name + ".class"
		class, ok := raw[key]
		base := strings.TrimPrefix(class.text, properties.ProviderPackage)
		p, known := classes[base]
		switch {
		case !ok:
			s.problem(names.place(), fmt.Sprintf("the provider %s has no class", name), "add "+key)
		case !known:
			s.problem(class.place(), properties.KnownProviders, "")
		default:
			p.look = properties.Provider(base, s.lookup, s.readFile)
			providers[name] = p
		}
	}
	return providers
}

// resolve replaces the placeholders of all values, each once: what a
// placeholder stands for is not looked at again. Of the keys that keep passes
// the placeholders stay, spelt as in TOML.
func (s *source) resolve(raw javaConfig, keep func(key string) bool) {
	providers := s.javaProviders(raw)
	if len(providers) == 0 {
		return
	}
	for name, v := range raw {
		kept := keep(name)
		v.text = properties.ProviderPlaceholder.ReplaceAllStringFunc(v.raw, func(p string) string {
			m := properties.ProviderPlaceholder.FindStringSubmatch(p)
			provider, known := providers[m[1]]
			if !known {
				return p
			}
			if kept {
				return provider.toml(m[3], m[4])
			}
			value, found, err := provider.look(m[3], m[4])
			switch {
			case err != nil:
				s.problem(v.place(), p+" "+err.Error(), "")
			case !found:
				s.warn(v.place(), p+" stands for nothing and is left as it is, as in Java", "")
				return p
			}
			return value
		})
		raw[name] = v
	}
}

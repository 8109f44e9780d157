package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"mm2/internal/properties"
)

// providerPlaceholder is the pattern of Java's ConfigTransformer:
// ${provider:path:key} or ${provider:key}.
var providerPlaceholder = regexp.MustCompile(`\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}`)

const providerPackage = "org.apache.kafka.common.config.provider."

// provider stands for one config provider of Java.
type provider struct {
	// look looks a key up. found is false for a key that is not there: Java
	// leaves its placeholder as it is.
	look func(path, key string) (value string, found bool, err error)
	// toml is the placeholder of the same meaning in TOML.
	toml func(path, key string) string
}

// javaProviders are the config.providers of the file, by name.
func (s *source) javaProviders(raw javaConfig) map[string]provider {
	classes := map[string]provider{
		"FileConfigProvider": {
			look: s.fromPropertiesFile,
			toml: func(path, key string) string { return "${file:" + path + ":" + key + "}" },
		},
		"DirectoryConfigProvider": {
			look: s.fromDirectory,
			toml: func(path, key string) string { return "${file:" + filepath.Join(path, key) + "}" },
		},
		"EnvVarConfigProvider": {
			look: func(_, key string) (string, bool, error) { v, ok := s.lookup(key); return v, ok, nil },
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
		p, known := classes[strings.TrimPrefix(class.text, providerPackage)]
		switch {
		case !ok:
			s.problem(names.place(), fmt.Sprintf("the provider %s has no class", name), "add "+key)
		case !known:
			s.problem(class.place(), "only FileConfigProvider, DirectoryConfigProvider and EnvVarConfigProvider of "+
				strings.TrimSuffix(providerPackage, ".")+" are known", "")
		default:
			providers[name] = p
		}
	}
	return providers
}

func (s *source) fromPropertiesFile(path, key string) (string, bool, error) {
	if path == "" {
		return "", false, nil
	}
	data, err := s.readFile(path)
	if err != nil {
		return "", false, readable(err)
	}
	entries, _ := properties.Parse(data)
	value, found := "", false
	for _, e := range entries {
		if e.Key == key {
			value, found = e.Value, true
		}
	}
	return value, found, nil
}

func (s *source) fromDirectory(path, key string) (string, bool, error) {
	if path == "" || key == "" || strings.ContainsRune(key, filepath.Separator) {
		return "", false, nil
	}
	data, err := s.readFile(filepath.Join(path, key))
	if err != nil {
		return "", false, nil // as in Java: the file is not there
	}
	return string(data), true, nil
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
		v.text = providerPlaceholder.ReplaceAllStringFunc(v.raw, func(p string) string {
			m := providerPlaceholder.FindStringSubmatch(p)
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

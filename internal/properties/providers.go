package properties

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
)

// ProviderPlaceholder is the pattern of Java's ConfigTransformer:
// ${provider:path:key} or ${provider:key}. Its groups are the name of the
// provider, the path with its colon, the path, and the key.
var ProviderPlaceholder = regexp.MustCompile(`\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}`)

// ProviderPackage is where Java's own config providers are, with a last dot.
const ProviderPackage = "org.apache.kafka.common.config.provider."

// The config providers of Java that mm2 stands in for.
const (
	FileProvider      = "FileConfigProvider"
	DirectoryProvider = "DirectoryConfigProvider"
	EnvVarProvider    = "EnvVarConfigProvider"
)

// KnownProviders is the rule for the class of a provider.
const KnownProviders = "only " + FileProvider + ", " + DirectoryProvider + " and " + EnvVarProvider +
	" of org.apache.kafka.common.config.provider are known"

// Look looks a key up. found is false for a key that is not there: Java leaves
// its placeholder as it is.
type Look func(path, key string) (value string, found bool, err error)

// Provider is the look of a class without its package, or nil if mm2 does not
// stand in for it. env and readFile are where its values come from.
func Provider(class string, env func(name string) (string, bool), readFile func(path string) ([]byte, error)) Look {
	switch class {
	case FileProvider:
		return fromPropertiesFile(readFile)
	case DirectoryProvider:
		return fromDirectory(readFile)
	case EnvVarProvider:
		return func(_, key string) (string, bool, error) { v, ok := env(key); return v, ok, nil }
	}
	return nil
}

func fromPropertiesFile(readFile func(string) ([]byte, error)) Look {
	return func(path, key string) (string, bool, error) {
		if path == "" {
			return "", false, nil
		}
		data, err := readFile(path)
		if err != nil {
			return "", false, Readable(err)
		}
		entries, _ := Parse(data)
		value, found := "", false
		for _, e := range entries {
			if e.Key == key {
				value, found = e.Value, true
			}
		}
		return value, found, nil
	}
}

func fromDirectory(readFile func(string) ([]byte, error)) Look {
	return func(path, key string) (string, bool, error) {
		if path == "" || key == "" || strings.ContainsRune(key, filepath.Separator) {
			return "", false, nil
		}
		data, err := readFile(filepath.Join(path, key))
		if err != nil {
			return "", false, nil // as in Java: the file is not there
		}
		return string(data), true, nil
	}
}

// Readable says that a file cannot be read, without its path: what is said
// around it names the file.
func Readable(err error) error {
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return fmt.Errorf("cannot be read: %w", pathError.Err)
	}
	return fmt.Errorf("cannot be read: %w", err)
}

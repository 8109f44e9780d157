package internaltopics

import (
	"fmt"
	"strings"
)

// maxName is what brokers accept: a partition's directory is its topic's name
// and a number, and file names end at 255 bytes.
const maxName = 249

const (
	repartitionSuffix = "-repartition"
	changelogSuffix   = "-changelog"
)

// RepartitionName is the repartition topic of an application for a base name.
// A base that has the suffix already gets no second one.
func RepartitionName(application, base string) string {
	return application + "-" + strings.TrimSuffix(base, repartitionSuffix) + repartitionSuffix
}

// ChangelogName is the changelog topic of an application's store.
func ChangelogName(application, store string) string {
	return application + "-" + store + changelogSuffix
}

// CheckName says what is wrong with a text as a topic name or a part of one:
// an application id, the name of a store or of a topic.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("is empty: want letters, digits, dots, underscores and dashes")
	case name == "." || name == "..":
		return fmt.Errorf("cannot be %q", name)
	case len(name) > maxName:
		return fmt.Errorf("has %d characters: a topic name has at most %d", len(name), maxName)
	}
	for _, r := range name {
		if !legal(r) {
			return fmt.Errorf("has the character %q: want letters, digits, dots, underscores and dashes", r)
		}
	}
	return nil
}

func legal(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
}

// CheckStore says what is wrong with the name of a store of an application,
// alone or in the name of its changelog.
func CheckStore(application, store string) error {
	if err := CheckName(store); err != nil {
		return fmt.Errorf("store name %q %w", store, err)
	}
	if topic := ChangelogName(application, store); CheckName(topic) != nil {
		return fmt.Errorf("changelog topic %q of store %q %w; shorten the store's name", topic, store, CheckName(topic))
	}
	return nil
}

// CheckRepartition says what is wrong with the base name of a repartition
// topic, alone or in the name of the topic.
func CheckRepartition(application, base string) error {
	if err := CheckName(base); err != nil {
		return fmt.Errorf("repartition name %q %w", base, err)
	}
	if topic := RepartitionName(application, base); CheckName(topic) != nil {
		return fmt.Errorf("repartition topic %q %w; shorten the name of the operator", topic, CheckName(topic))
	}
	return nil
}

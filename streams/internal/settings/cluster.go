package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// OfCluster are the settings of the clients of another cluster than the
// application's own, with properties by Kafka's names.
func OfCluster(home *Settings, bootstrap []string, properties map[string]string) (Settings, error) {
	if err := CheckClients(properties); err != nil {
		return Settings{}, err
	}
	all := map[string]string{
		"application.id": home.ApplicationID, "processing.guarantee": string(home.Guarantee),
		"bootstrap.servers": strings.Join(bootstrap, ","),
	}
	if id := home.Connection.Client.ID; id != "" {
		all["client.id"] = id
	}
	maps.Copy(all, properties)
	return Parse(all)
}

// CheckClients refuses names that are not settings of clients: those of the
// application hold for all clusters.
func CheckClients(properties map[string]string) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		_, odd := refusalOf(name)
		if odd || slices.Contains(honoured, name) || slices.Contains(idle, name) || slices.Contains(groupKeys, name) ||
			strings.HasPrefix(name, topicPrefix) || name == "bootstrap.servers" || name == "client.id" {
			errs = append(errs, fmt.Errorf("%s is a setting of the application, not of the clients of one cluster: set it there", name))
		}
	}
	return errors.Join(errs...)
}

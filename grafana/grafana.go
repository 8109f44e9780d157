// Package grafana has the dashboards and alert rules for mm2 as files. A test
// holds them to the metrics that a running mesh exports.
package grafana

import (
	"embed"
	"io/fs"
)

//go:embed overview.json alerts.yml
var files embed.FS

// Files are the dashboards (*.json) for Grafana 10 or later, and the alert
// rules (alerts.yml) for Prometheus.
func Files() fs.FS { return files }

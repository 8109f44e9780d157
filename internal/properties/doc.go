// Package properties reads what Kafka's Java clients are configured with: the
// .properties file format ([Parse]), the texts of values, and the settings
// that reach a cluster ([Reader]), which it turns into a
// [mm2/internal/connection.Connection]. Where a setting stands and how a
// problem with it is shown is the caller's: the service and package streams
// read different files with the same client settings in them.
package properties

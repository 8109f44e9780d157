// Package topology holds the names and shapes of a replication mesh as pure
// values: cluster aliases, flows, replication policies, filters, lanes and the
// names of internal topics. It does no I/O and imports nothing of mm2.
//
// A [Declaration] (active-standby, active-active, hub-and-spoke, custom) expands
// into flows; [Check] refuses meshes that cannot work; a [Flow] answers which
// source topics it copies and what they are called on the target.
package topology

// Package internaltopics knows which internal topics an application needs, and
// makes them. [Request.Plan] is pure: from the user's topics and what the
// topology declares it works out partition counts, tasks and topic configs, and
// refuses joins of topics that are not co-partitioned. [Manager] looks topics
// up, creates those that a plan needs and checks those that exist. [Purger]
// deletes what was read from repartition topics.
//
// The package does not decide who creates topics and when: that is the leader
// of the group, during assignment.
package internaltopics

// Package etcd has only tests: etcd's clientv3 of 2020, migrated, on a real etcd
// of today. README.md beside this says what they do.
package etcd

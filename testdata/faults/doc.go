// Package faults has only tests: whatever Consul, the network or a hostile
// catalogue does, RPCs go on and no address is lost. README.md beside this says
// how a case is written.
package faults

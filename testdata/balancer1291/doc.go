// Package balancer1291 runs the scenarios of adapter/balancer with grpc-go v1.29.1.
package balancer1291

// Package integration stands in for etcd's own, which starts a server of 2020 and
// with today's golang/protobuf cannot. Its cluster is the member at $ETCD.
package integration

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/coreos/etcd/clientv3"
)

type ClusterConfig struct{ Size int }

type ClusterV3 struct {
	Members []Member
	clients []*clientv3.Client
}

type Member string

func (m Member) GRPCAddr() string { return string(m) }

// NewClusterV3 empties the member.
func NewClusterV3(t *testing.T, _ *ClusterConfig) *ClusterV3 {
	endpoint := os.Getenv("ETCD")
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Delete(context.Background(), "\x00", clientv3.WithFromKey()); err != nil {
		t.Fatal(err)
	}
	return &ClusterV3{[]Member{Member(endpoint)}, []*clientv3.Client{c}}
}

func (c *ClusterV3) Client(i int) *clientv3.Client { return c.clients[i] }

func (c *ClusterV3) RandClient() *clientv3.Client { return c.clients[0] }

// TakeClient leaves it to the caller to close the client.
func (c *ClusterV3) TakeClient(i int) { c.clients[i] = nil }

func (c *ClusterV3) Terminate(t *testing.T) {
	for _, client := range c.clients {
		if client == nil {
			continue
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}

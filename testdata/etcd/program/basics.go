package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/coreos/etcd/clientv3"
)

// basics is each kind of call once: put, get, txn, watch, and a lease of each fate.
func basics(c *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	put, err := c.Put(ctx, "basics/a", "1")
	if err != nil {
		return fmt.Errorf("put: %v", err)
	}
	got, err := c.Get(ctx, "basics/a")
	if err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Value) != "1" {
		return fmt.Errorf("get: %v, %v", got, err)
	}
	txn, err := c.Txn(ctx).If(clientv3.Compare(clientv3.Value("basics/a"), "=", "1")).
		Then(clientv3.OpPut("basics/a", "2")).Else(clientv3.OpGet("basics/a")).Commit()
	if err != nil || !txn.Succeeded {
		return fmt.Errorf("txn: %v, %v", txn, err)
	}
	events := c.Watch(ctx, "basics/", clientv3.WithPrefix(), clientv3.WithRev(put.Header.Revision), clientv3.WithPrevKV())
	if err := await(events, "1", "2"); err != nil {
		return fmt.Errorf("watch: %v", err)
	}
	return leases(ctx, c, events)
}

// leases grants two: one is revoked, the other kept alive once, and then expires.
func leases(ctx context.Context, c *clientv3.Client, events clientv3.WatchChan) error {
	for _, fate := range []string{"revoked", "expires"} {
		lease, err := c.Grant(ctx, 2)
		if err != nil {
			return fmt.Errorf("grant: %v", err)
		}
		if _, err := c.Put(ctx, "basics/"+fate, fate, clientv3.WithLease(lease.ID)); err != nil {
			return fmt.Errorf("put with a lease: %v", err)
		}
		if _, err := c.KeepAliveOnce(ctx, lease.ID); err != nil {
			return fmt.Errorf("keep alive: %v", err)
		}
		if fate == "revoked" {
			if _, err := c.Revoke(ctx, lease.ID); err != nil {
				return fmt.Errorf("revoke: %v", err)
			}
		}
		if err := await(events, fate, "gone"); err != nil {
			return fmt.Errorf("a lease that is %s: %v", fate, err)
		}
	}
	return nil
}

// await takes events from the watch that put these values, "gone" for a delete.
func await(events clientv3.WatchChan, values ...string) error {
	for len(values) > 0 {
		r, ok := <-events
		if !ok || r.Err() != nil {
			return fmt.Errorf("ended, waiting for %q: %v", values, r.Err())
		}
		for _, e := range r.Events {
			value := string(e.Kv.Value)
			if e.Type == clientv3.EventTypeDelete {
				value = "gone"
			}
			if len(values) == 0 || value != values[0] {
				return fmt.Errorf("event %v, want %q", e, values)
			}
			values = values[1:]
		}
	}
	return nil
}

// probe says with what error calls fail while no member runs.
func probe(c *clientv3.Client) map[string]string {
	var (
		mu   sync.Mutex // guards errs
		errs = make(map[string]string)
		wg   sync.WaitGroup
	)
	note := func(call string, err error) {
		mu.Lock()
		defer mu.Unlock()
		errs[call] = fmt.Sprint(err)
	}
	try := func(call string, f func(ctx context.Context) error) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			note(call, f(ctx))
		}()
	}
	try("Put", func(ctx context.Context) error { _, err := c.Put(ctx, "probe", ""); return err })
	try("Get", func(ctx context.Context) error { _, err := c.Get(ctx, "probe"); return err })
	try("New", func(context.Context) error { _, err := dial(c.Endpoints(), time.Second); return err })

	closing, err := clientv3.New(clientv3.Config{Endpoints: c.Endpoints()})
	note("New that does not block", err)
	if err == nil {
		try("Get, Close meanwhile", func(ctx context.Context) error { _, err := closing.Get(ctx, "probe"); return err })
		time.Sleep(100 * time.Millisecond)
		note("Close", closing.Close())
		try("Put, Get and Watch after Close", func(ctx context.Context) error {
			_, put := closing.Put(ctx, "probe", "")
			_, get := closing.Get(ctx, "probe")
			_, open := <-closing.Watch(ctx, "probe")
			return fmt.Errorf("put: %v; get: %v; watch is open: %t; IsConnCanceled: %t", put, get, open, clientv3.IsConnCanceled(put))
		})
	}
	wg.Wait()
	return errs
}

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/ioutil"
	"log"
	"os"
	"time"

	"github.com/coreos/etcd/clientv3"
)

// secure uses members with TLS, lets them ask for a password, and puts for each line
// on standard input. Its answer says what a wrong password is told.
func secure(endpoints []string, ca string) (a answer, err error) {
	pem, err := ioutil.ReadFile(ca)
	if err != nil {
		return a, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return a, fmt.Errorf("no certificates in %s", ca)
	}
	dial := func(user, password string) (*clientv3.Client, error) {
		return clientv3.New(clientv3.Config{
			Endpoints:   endpoints,
			DialTimeout: 10 * time.Second,
			TLS:         &tls.Config{RootCAs: roots},
			Username:    user,
			Password:    password,
		})
	}
	nobody, err := dial("", "")
	if err != nil {
		return a, err
	}
	defer nobody.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := enable(ctx, nobody); err != nil {
		return a, err
	}
	_, put := nobody.Put(ctx, "secure", "nobody")
	_, wrong := dial("root", "wrong")
	a.Probes = map[string]string{"nobody": fmt.Sprint(put), "wrong": fmt.Sprint(wrong)}
	root, err := dial("root", "secret")
	if err != nil {
		return a, err
	}
	defer root.Close()
	say(answer{})
	for in := bufio.NewScanner(os.Stdin); in.Scan() && in.Text() != "quit"; {
		if err := putOnAll(root, len(endpoints)); err != nil {
			return a, err
		}
		say(answer{})
	}
	return a, nil
}

// putOnAll puts until each member has answered, also one that has just come back.
func putOnAll(c *clientv3.Client, members int) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	by := make(map[uint64]bool)
	for len(by) < members {
		put, err := c.Put(ctx, "secure", "root")
		if err != nil {
			return fmt.Errorf("put: %v", err)
		}
		by[put.Header.MemberId] = true
	}
	log.Print("root has put on each member")
	return nil
}

func enable(ctx context.Context, c *clientv3.Client) error {
	if _, err := c.UserAdd(ctx, "root", "secret"); err != nil {
		return err
	}
	if _, err := c.RoleAdd(ctx, "root"); err != nil {
		return err
	}
	if _, err := c.UserGrantRole(ctx, "root", "root"); err != nil {
		return err
	}
	_, err := c.AuthEnable(ctx)
	return err
}

package consulagent

import (
	"errors"
	"fmt"
	"net"
)

// ports are the loopback ports that an agent binds.
type ports struct{ http, https, server, serf int }

// freePorts asks the kernel. The ports are free when it returns, no longer.
func freePorts() (p ports, err error) {
	var held []interface{ Close() error }
	defer func() {
		for _, c := range held {
			c.Close()
		}
	}()
	for _, port := range []*int{&p.http, &p.https, &p.server} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return ports{}, err
		}
		held = append(held, listener)
		*port = listener.Addr().(*net.TCPAddr).Port
	}
	// Gossip uses one number for TCP and for UDP.
	for range 20 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return ports{}, err
		}
		held = append(held, listener)
		port := listener.Addr().(*net.TCPAddr).Port
		packets, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		held = append(held, packets)
		p.serf = port
		return p, nil
	}
	return ports{}, errors.New("no port is free for both TCP and UDP on 127.0.0.1")
}

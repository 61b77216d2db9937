module example.com/hostlist

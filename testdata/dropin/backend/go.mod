module example.com/backend

go 1.25.0

// The page of the original service with Go's net/http: all that it does, and nothing more.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func echo(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "<html><head><title>Unstoppable Echo</title></head>"+
		"<body><h1>%s right back at ya!</h1></body></html>", r.URL.Path[1:])
}

func main() {
	http.HandleFunc("/", echo)
	if err := http.ListenAndServe(os.Args[1], nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

package admin

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"kimberlite/pgwire"
)

// CheckHBA reads an authentication table and prints its rules, or what is wrong with it and on which line.
func CheckHBA(file string, out io.Writer) int {
	b, err := os.ReadFile(file)
	if err != nil {
		fmt.Fprintln(out, err)
		return StatusUsage
	}
	h, err := pgwire.ParseHBA(file, string(b))
	if err != nil {
		fmt.Fprintln(out, err)
		return StatusDamaged
	}
	for _, r := range h.Rules() {
		fmt.Fprintf(out, "line %-4d %-10s %-16s %-16s %-20s %s %s\n", r.Line, r.Type, strings.Join(r.Databases, ","), strings.Join(r.Users, ","),
			strings.TrimSpace(r.Address+" "+r.Netmask), r.Method, strings.Join(r.Options, " "))
	}
	return StatusOK
}

// SCRAM reads a password from in and prints the verifier to give to CREATE ROLE ... PASSWORD, so that the password itself reaches no server and no log.
func SCRAM(in io.Reader, out io.Writer) int {
	password, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && err != io.EOF {
		fmt.Fprintln(out, err)
		return StatusUsage
	}
	if password = strings.TrimRight(password, "\r\n"); password == "" {
		fmt.Fprintln(out, "the password is empty")
		return StatusUsage
	}
	verifier, err := pgwire.SCRAMVerifier(password)
	if err != nil {
		fmt.Fprintln(out, err)
		return StatusDamaged
	}
	fmt.Fprintln(out, verifier)
	return StatusOK
}

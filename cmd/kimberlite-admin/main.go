// Command kimberlite-admin looks at and repairs the data directory of a stopped Kimberlite node. All it does is to read flags and call
// package server/admin.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"kimberlite/log"
	"kimberlite/server"
	"kimberlite/server/admin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	status := admin.StatusOK
	root := &cobra.Command{
		Use:           "kimberlite-admin",
		Short:         "Look after the data directory of a Kimberlite node",
		Version:       server.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate(server.VersionText() + "\n")
	root.AddCommand(verifyCommand(ctx, &status), rebuildCommand(ctx, &status), inspectCommand(&status), hbaCommand(&status), scramCommand(&status))
	if err := root.Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "kimberlite-admin: %v\nTry \"kimberlite-admin --help\" for more information.\n", err)
		status = admin.StatusUsage
	}
	os.Exit(status)
}

// dataDir adds the flag that says which directory is meant.
func dataDir(cmd *cobra.Command) *string {
	def := os.Getenv("KIMBERLITE_DATA_DIR")
	if def == "" {
		def = "./kimberlite-data"
	}
	return cmd.Flags().String("data-dir", def, "the data directory; environment KIMBERLITE_DATA_DIR")
}

func verifyCommand(ctx context.Context, status *int) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check every record of the log, the hash chain, and the projections against it",
		Long: `Check every record of the log, the hash chain, and the projections against it. Nothing is written. The first damage is printed with
segment, offset and position. Exit status: 0 in order, 1 damaged, 2 not checked. A running server is asked by SQL: SELECT * FROM kimberlite.verify().`,
		Args: cobra.NoArgs,
	}
	dir := dataDir(cmd)
	cmd.Run = func(*cobra.Command, []string) { *status = admin.Verify(ctx, *dir, os.Stdout, os.Stderr) }
	return cmd
}

func rebuildCommand(ctx context.Context, status *int) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Throw the projections away and make them anew from the log",
		Args:  cobra.NoArgs,
	}
	dir := dataDir(cmd)
	cmd.Run = func(*cobra.Command, []string) { *status = admin.Rebuild(ctx, *dir, os.Stdout, os.Stderr) }
	return cmd
}

func inspectCommand(status *int) *cobra.Command {
	inspect := &cobra.Command{Use: "inspect", Short: "Print what is in a data directory"}
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Print the events of the log, also beside a running server",
		Args:  cobra.NoArgs,
	}
	dir := dataDir(cmd)
	var o admin.InspectOptions
	from := cmd.Flags().Uint64("from", 1, "first position")
	to := cmd.Flags().Uint64("to", 0, "last position; 0 is the end")
	cmd.Flags().BoolVar(&o.Rows, "rows", false, "print every row operation")
	cmd.Flags().BoolVar(&o.JSON, "json", false, "print one JSON object an event")
	cmd.Run = func(*cobra.Command, []string) {
		o.From, o.To = log.Position(*from), log.Position(*to)
		*status = admin.Inspect(*dir, o, os.Stdout)
	}
	inspect.AddCommand(cmd)
	return inspect
}

func hbaCommand(status *int) *cobra.Command {
	return &cobra.Command{
		Use:   "hba FILE",
		Short: "Check an authentication table (pg_hba.conf's syntax) and print its rules",
		Args:  cobra.ExactArgs(1),
		Run:   func(_ *cobra.Command, args []string) { *status = admin.CheckHBA(args[0], os.Stdout) },
	}
}

func scramCommand(status *int) *cobra.Command {
	return &cobra.Command{
		Use:   "scram",
		Short: "Read a password from standard input and print its verifier for CREATE ROLE ... PASSWORD",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { *status = admin.SCRAM(os.Stdin, os.Stdout) },
	}
}

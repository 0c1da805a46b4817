// Command kimberlite-server runs a Kimberlite node. All it does is to read flags and call package server.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"kimberlite/server"
	"kimberlite/server/config"
)

func main() {
	show := false
	status := 0
	cmd := &cobra.Command{
		Use:   "kimberlite-server",
		Short: "A PostgreSQL-compatible database on a replicated, hash-chained event log",
		Long: `kimberlite-server runs a Kimberlite node. Without any flag it keeps its data in ./kimberlite-data, serves SQL on 127.0.0.1:5432
and status and metrics on 127.0.0.1:9090.

Every setting can also be given in a TOML file (--config) and by an environment variable; docs/configuration.md lists them all, also the
flags that are not shown here.`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       server.Version,
		Run:           func(cmd *cobra.Command, _ []string) { status = server.Main(cmd.Flags(), show) },
	}
	cmd.SetVersionTemplate(server.VersionText() + "\n")
	config.BindFlags(cmd.Flags())
	cmd.Flags().BoolVar(&show, "show-config", false, "print the settings in force and where each comes from, and exit")
	if err := cmd.Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "kimberlite-server: %v\nTry \"kimberlite-server --help\" for more information.\n", err)
		status = 2
	}
	os.Exit(status)
}

package logging

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"go.uber.org/zap"
)

func TestLevelsByComponent(t *testing.T) {
	var out bytes.Buffer
	g, err := New(&out, "json", "warn,sql=debug,consensus=off")
	if err != nil {
		t.Fatal(err)
	}
	lines := func() string {
		defer out.Reset()
		var names []string
		for _, l := range strings.Split(strings.TrimSpace(out.String()), "\n") {
			if l == "" {
				continue
			}
			var m map[string]any
			if err := json.Unmarshal([]byte(l), &m); err != nil {
				t.Fatalf("%q: %v", l, err)
			}
			names = append(names, m["component"].(string)+":"+m["level"].(string)+":"+m["msg"].(string))
		}
		return strings.Join(names, " ")
	}
	speak := func() {
		for _, c := range []string{"sql.session", "consensus", "log"} {
			l := g.For(c)
			l.Debug("d")
			l.Error("e", zap.Int("x", 1))
		}
	}
	speak()
	if got := lines(); got != "sql.session:debug:d sql.session:error:e log:error:e" {
		t.Error(got)
	}
	keep := g.For("log")
	if err := g.SetLevels("kimberlite=off,kimberlite::log=trace"); err != nil {
		t.Fatal(err)
	}
	speak()
	keep.Debug("kept loggers follow")
	if got := lines(); got != "log:debug:d log:error:e log:debug:kept loggers follow" {
		t.Error(got)
	}
	if err := g.SetLevels("shout"); err == nil {
		t.Error("accepted a level that does not exist")
	}
}

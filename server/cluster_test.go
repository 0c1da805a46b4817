package server

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A node whose take-over fails, for want of space on the disk here, tries again for as long as it leads; until then its clients wait.
func TestTakeOverIsTriedAgain(t *testing.T) {
	n, err := Start(testConfig(t, t.TempDir()), testLoggers(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Stop()
	view, self := n.cluster.view.Load(), n.cluster.leader.Load()
	if view == 0 || self == 0 || n.leadView.Load() != view {
		t.Fatalf("a node on its own leads in view %d, member %d, serving %d", view, self, n.leadView.Load())
	}
	n.disk.low.Store(true) // watchDisk finds the space again
	n.viewChanged(view, 0)
	n.viewChanged(view, self)
	for end := time.Now().Add(20 * time.Second); n.leadView.Load() != view; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the node leads and does not serve")
		}
	}
	c, err := pgx.Connect(t.Context(), "postgres://postgres@"+n.Addr()+"/postgres?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), "create table t (a int)"); err != nil {
		t.Error(err)
	}
}

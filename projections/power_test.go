package projections

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// cutter keeps what is left of a disk when the power fails before its n-th write.
type cutter struct {
	disk *vfs.MemFS
	n    int
	cfg  vfs.CrashCloneCfg
	left *vfs.MemFS
}

// MaybeError implements errorfs.Injector.
func (c *cutter) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
		if c.n--; c.n == 0 {
			c.left = c.disk.CrashClone(c.cfg)
		}
	}
	return nil
}

// String implements errorfs.Injector.
func (c *cutter) String() string { return "cutter" }

// Power that fails while the store opens, which makes a new manifest, leaves a store that opens: whichever of its unsynced blocks and names survive.
func TestPowerLossWhileOpening(t *testing.T) {
	l := &memLog{}
	disk := vfs.NewCrashableMem()
	must(t, openStore(t, disk, l).Close())
	disk = disk.CrashClone(vfs.CrashCloneCfg{}) // all that is left is synced
	cuts := 0
	for seed := uint64(1); seed <= 1500; seed++ {
		rng := rand.New(rand.NewPCG(seed, 6))
		base := disk.CrashClone(vfs.CrashCloneCfg{})
		c := &cutter{disk: base, n: 1 + rng.IntN(60), cfg: vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rng}}
		s := openStore(t, errorfs.Wrap(base, c), l)
		must(t, s.Close())
		if c.left == nil {
			continue
		}
		cuts++
		s, err := Open(Options{FS: c.left, Dir: "db", Events: l, CacheBytes: 1 << 20, MemTableBytes: 1 << 20})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		must(t, s.Close())
	}
	if cuts < 500 {
		t.Errorf("the power failed only %d times: the test has lost its meaning", cuts)
	}
}

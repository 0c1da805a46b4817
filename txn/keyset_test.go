package txn

import (
	"math/rand"
	"testing"

	"kimberlite/projections"
)

// The set agrees with a map, with hashes that collide a lot.
func TestKeySetAgainstMap(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	var s keySet
	model := map[keyTag]uint32{}
	for range 200_000 {
		tag := keyTag{projections.StorageID(rng.Intn(2)), uint64(rng.Intn(40)) * shards << rng.Intn(3)}
		owner := uint32(1 + rng.Intn(3))
		switch rng.Intn(5) {
		case 0, 1:
			if had := s.lock(tag, owner); had != model[tag] {
				t.Fatalf("%v is owned by %d, not %d", tag, had, model[tag])
			}
			if model[tag] == 0 {
				model[tag] = owner
			}
		default:
			s.unlock(tag, owner)
			if model[tag] == owner {
				delete(model, tag)
			}
		}
		if s.owner(tag) != model[tag] || s.used != len(model) {
			t.Fatalf("%v is owned by %d, not %d; %d of %d", tag, s.owner(tag), model[tag], s.used, len(model))
		}
	}
	for tag, owner := range model {
		if s.owner(tag) != owner {
			t.Fatalf("%v is owned by %d, not %d", tag, s.owner(tag), owner)
		}
	}
}

// What a bulk load pays for the locks of its keys.
func BenchmarkKeyLocks(b *testing.B) {
	const n = 1 << 20
	for b.Loop() {
		var s keySet
		for i := uint64(0); i < n; i++ {
			s.lock(keyTag{7, i * 0x9e3779b97f4a7c15}, 1)
		}
		for i := uint64(0); i < n; i++ {
			s.unlock(keyTag{7, i * 0x9e3779b97f4a7c15}, 1)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/key")
}

package state_test

import (
	"testing"

	"mm2/streams/state"
	"mm2/streams/state/statetest"
)

func memory(*testing.T) state.DB { return state.NewMemory() }

func TestMemory(t *testing.T) { statetest.Run(t, memory) }

func TestStagedInFrontOfMemory(t *testing.T) { statetest.RunStaged(t, memory) }

package statedir

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// processName is a name of Kafka Streams, whose file of that name has the same
// text.
const processName = "kafka-streams-process-metadata"

type processMetadata struct {
	ProcessID string `json:"processId"`
}

// readProcessID reads the instance's id, or makes one. One that cannot be read
// as such is made anew, with a warning, as Kafka Streams does: the rows of the
// stores do not depend on it. What is lost is that the group knows the instance
// again, and that transactions which its last run left open are ended at once:
// they end when transaction.timeout.ms is over.
func (d *Dir) readProcessID() (string, error) {
	name := filepath.Join(d.path, processName)
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", err
	default:
		id, err := decodeProcessID(text)
		if err == nil {
			return id, nil
		}
		d.log.Warn("process id cannot be read; the instance gets a new one", "file", name, "err", err)
	}
	id := newProcessID()
	text, err = json.Marshal(processMetadata{ProcessID: id})
	if err != nil {
		return "", err
	}
	return id, replaceFile(name, text)
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func decodeProcessID(text []byte) (string, error) {
	var m processMetadata
	if err := json.Unmarshal(text, &m); err != nil {
		return "", err
	}
	if !uuid.MatchString(m.ProcessID) {
		return "", fmt.Errorf("processId %q is no UUID", m.ProcessID)
	}
	return m.ProcessID, nil
}

// newProcessID is a random UUID.
func newProcessID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// replaceFile writes a file that is the old or the new one after a crash.
func replaceFile(name string, text []byte) (err error) {
	f, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

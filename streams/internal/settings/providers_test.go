package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mm2/streams/internal/settings"
)

func TestPlaceholders(t *testing.T) {
	const classes = "org.apache.kafka.common.config.provider."
	dir := t.TempDir()
	secrets := filepath.Join(dir, "secrets.properties")
	if err := os.WriteFile(secrets, []byte("password=hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MM2_TEST_APPLICATION", "from-env")
	providers := func(pairs ...string) map[string]string {
		return with(append(pairs,
			"config.providers", "file,env,dir", "config.providers.file.class", classes+"FileConfigProvider",
			"config.providers.env.class", classes+"EnvVarConfigProvider", "config.providers.dir.class", classes+"DirectoryConfigProvider")...)
	}
	s, err := settings.Parse(providers("application.id", "${env:MM2_TEST_APPLICATION}",
		"security.protocol", "SSL", "ssl.key.password", "${file:"+secrets+":password}", "client.id", "${other:x}-${dir:"+dir+":absent}"))
	if err != nil {
		t.Fatal(err)
	}
	if s.ApplicationID != "from-env" || s.Connection.TLS.KeyPassword.Reveal() != "hunter2" || !strings.HasPrefix(s.Connection.Client.ID, "${other:x}-${dir:") {
		t.Errorf("got %q, %q", s.ApplicationID, s.Connection.Client.ID)
	}
	if len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0].String(), "stands for nothing") {
		t.Errorf("warnings %v", s.Warnings)
	}

	// What a placeholder stands for is in no message.
	_, err = settings.Parse(providers("poll.ms", "${file:"+secrets+":password}", "state.dir", "${file:/absent/x:y}"))
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "poll.ms = ${file:") ||
		!strings.Contains(err.Error(), "${file:/absent/x:y} cannot be read") {
		t.Errorf("got %v", err)
	}
	for _, pairs := range [][]string{
		{"config.providers", "vault"}, {"config.providers", "vault", "config.providers.vault.class", "com.example.Vault"},
	} {
		if _, err := settings.Parse(with(pairs...)); err == nil || !strings.Contains(err.Error(), "config.providers") {
			t.Errorf("%v: got %v", pairs, err)
		}
	}
}

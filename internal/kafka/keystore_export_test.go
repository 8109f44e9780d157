package kafka

var (
	LoadRoots       = loadRoots
	LoadCertificate = loadCertificate
)

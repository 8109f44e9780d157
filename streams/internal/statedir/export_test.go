package statedir

// DecodeProcessID reads the text of the file with the process id.
var DecodeProcessID = decodeProcessID

/**
 * A certificate for `localhost`, and its key, which everybody has: it protects nothing, and is good for an example.
 *
 *     openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=localhost \
 *       -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out cert.pem
 */
export const cert = `-----BEGIN CERTIFICATE-----
MIIBfDCCASGgAwIBAgIUIP+QswSGrOt5xn+JGd5TFjwYr4kwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAx
MDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAShvRyHp4KWtrl0IL4GID69PDZhPs3AyBFZZx4SJS3SLenle3YWfFvl
wfPziPx0M16HeQgNxikcxFHwXx9Ch/dko08wTTAsBgNVHREEJTAjgglsb2NhbGhv
c3SHBH8AAAGHEAAAAAAAAAAAAAAAAAAAAAEwHQYDVR0OBBYEFCPV9+NhV0oV85iv
l930ofxQGvLXMAoGCCqGSM49BAMCA0kAMEYCIQDL9P7ZLriyYYRS8nH5SyYUAFtC
Iya4CBOsODxXsJqdYQIhAIDoyMPMF9MHaTOTrsVghWWZZ4KqIRCbraMDBdpKAv+y
-----END CERTIFICATE-----
`

export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQga1KWncz0h+k1UaPC
fBYSI0vT64dYElD2tR5pzQHxm8+hRANCAAShvRyHp4KWtrl0IL4GID69PDZhPs3A
yBFZZx4SJS3SLenle3YWfFvlwfPziPx0M16HeQgNxikcxFHwXx9Ch/dk
-----END PRIVATE KEY-----
`

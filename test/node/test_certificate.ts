/**
 * A certificate for tests of TLS, with its key: nobody trusts it, and it keeps nothing secret.
 *
 * Owns: the two. Made by `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500`.
 */

export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBgzCCASmgAwIBAgIUIM2ckJ+5HMeevOEAfh28HRbmZIowCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLdGNwbGFiLnRlc3QwIBcNMjYxMTMwMDI0ODI5WhgPMjEyNjEx
MDYwMjQ4MjlaMBYxFDASBgNVBAMMC3RjcGxhYi50ZXN0MFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAE+vzCTffGXJtZr5XLO15N6+4BXWTzLf8OHIXoSDnc4+HuOfva
4LCOMn+CZ+93dAEOoy+b0PrGOHicwJ5Ts3EqUaNTMFEwHQYDVR0OBBYEFEuv03Dx
UYNe8nBjfU2k6gDaa+44MB8GA1UdIwQYMBaAFEuv03DxUYNe8nBjfU2k6gDaa+44
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgXhs3lS9zXPwGcSb3
awh7zY0Bi6fd4TFX4wfSA1ci+o8CIQDxz6fQAdcjsm5helA2PQc8/mbIkflkfAkH
xJ3O0w8N+g==
-----END CERTIFICATE-----`;

export const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgCWf65fB/wbUc0RAC
e3V7PlQh6yRX5ebVzKBepM+O7AChRANCAAT6/MJN98Zcm1mvlcs7Xk3r7gFdZPMt
/w4chehIOdzj4e45+9rgsI4yf4Jn73d0AQ6jL5vQ+sY4eJzAnlOzcSpR
-----END PRIVATE KEY-----`;

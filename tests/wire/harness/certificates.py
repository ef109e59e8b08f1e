"""Certificates for tests, made by the openssl command."""
import ssl
import subprocess
from pathlib import Path


class Authority:
    """A CA in a directory of its own; its certificate is the file `path`."""

    def __init__(self, directory, name="ca"):
        self.dir = Path(directory)
        self.name = name
        self.path, self._key = self.dir / f"{name}.pem", self.dir / f"{name}.key"
        openssl("req", "-x509", *NEW_KEY, "-keyout", self._key, "-out", self.path, "-subj", f"/CN=test {name}", "-days", "2")

    def issue(self, file_name, names="IP:127.0.0.1", days=2):
        """(certificate, key) for these subject alternative names; negative days have passed."""
        crt, key, csr, ext = (self.dir / f"{self.name}-{file_name}.{end}" for end in ("crt", "key", "csr", "ext"))
        openssl("req", *NEW_KEY, "-keyout", key, "-out", csr, "-subj", f"/CN={file_name}")
        ext.write_text(f"subjectAltName={names}\n")
        period = ["-days", str(days)]
        if days < 0:
            return self._issue_expired(crt, key, csr, ext)
        openssl("x509", "-req", "-in", csr, "-CA", self.path, "-CAkey", self._key, "-CAcreateserial", "-out", crt, "-extfile", ext,
                *period)
        return crt, key

    def _issue_expired(self, crt, key, csr, ext):
        """`openssl x509` cannot set the dates, `openssl ca` can."""
        (self.dir / "index.txt").write_text("")
        (self.dir / "serial").write_text("01\n")
        (self.dir / "ca.conf").write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.dir}/index.txt\nserial={self.dir}/serial\nnew_certs_dir={self.dir}\n"
            "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
        openssl("ca", "-batch", "-config", self.dir / "ca.conf", "-cert", self.path, "-keyfile", self._key, "-in", csr, "-out", crt,
                "-startdate", "20200101000000Z", "-enddate", "20200102000000Z", "-extfile", ext, "-notext")
        return crt, key


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(*args):
    result = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def client_context(certificate=None):
    """For the test's own connections: checks nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(*certificate)
    return context

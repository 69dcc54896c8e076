"""A certificate authority of the sandbox's own, for the stand-ins that speak TLS."""

from pathlib import Path

import trustme


class Authority:
    """PEM files under `folder`: `root` to trust, `certificate` = (chain, key) for 127.0.0.1 and localhost.

    Made once and kept, so that a running product goes on trusting a sandbox that was restarted.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root.pem"
        self.certificate = (folder / "server.pem", folder / "server-key.pem")
        if all(path.exists() for path in (self.root, *self.certificate)):
            return
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        leaf = authority.issue_cert("127.0.0.1", "localhost")
        authority.cert_pem.write_to_path(self.root)
        self.certificate[1].touch(mode=0o600)
        leaf.private_key_pem.write_to_path(self.certificate[1])
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        self.certificate[0].write_bytes(chain)

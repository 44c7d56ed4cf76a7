#!/usr/bin/env python3
"""The archive of logs: what is sealed stays as it is, or the first change is named; the bucket gives nothing
back before its time.

The bucket is moto's: it checks the signature of each request, the rights of the user and the locks of
objects as S3 does. The files stand in for those of the journal, whose content nothing here looks at. Needs
bash, curl, jq and moto[s3,server]. ARCHIVE_CHANGES is the number of random changes that are tried.
"""

import base64
import functools
import hashlib
import http.server
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "nixos/log-archive.sh"
REGION = "eu-central-1"
BUCKET = "logs"
CHANGES = int(os.environ.get("ARCHIVE_CHANGES", "40"))
# What an archive may do, and what an auditor may.
WRITER = ["s3:PutObject"]
READER = ["s3:GetObject", "s3:ListBucket"]


class Store:
    """S3 with one bucket that has Object Lock, and one that has not."""

    def __init__(self, directory: Path) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.wait()
        anyone = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": REGION}
        iam = boto3.client("iam", endpoint_url=self.url, **anyone)
        self.keys = {}
        for name, actions in [("writer", WRITER), ("reader", READER), ("owner", ["s3:*"])]:
            iam.create_user(UserName=name)
            policy = {"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
            policy["Version"] = "2012-10-17"
            iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
            key = iam.create_access_key(UserName=name)["AccessKey"]
            self.keys[name] = (key["AccessKeyId"], key["SecretAccessKey"])
            config = directory / f"{name}.curl"
            config.write_text(f'user = "{":".join(self.keys[name])}"\n')
        s3 = boto3.client("s3", endpoint_url=self.url, **anyone)
        where = {"LocationConstraint": REGION}
        s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True, CreateBucketConfiguration=where)
        s3.create_bucket(Bucket="unlocked", CreateBucketConfiguration=where)
        # From now on, each request needs a signature and a right.
        no_more = urllib.request.Request(
            f"{self.url}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}
        )
        urllib.request.urlopen(no_more).read()

    def wait(self) -> None:
        for _ in range(300):
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("moto does not listen")

    @functools.cache  # noqa: B019 - one store, three users
    def client(self, user: str):
        access, secret = self.keys[user]
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            region_name=REGION,
        )

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


def flip(file: Path, place: int, bits: int = 1) -> None:
    """Change a byte, whatever it is."""
    data = bytearray(file.read_bytes())
    data[place] ^= bits
    file.write_bytes(data)


class Archive:
    """A directory with files of a journal, and its chain."""

    def __init__(self, directory: Path, store: Store | None = None, prefix: str = "") -> None:
        self.logs = directory / "logs"
        self.chain = directory / "chain"
        self.logs.mkdir(parents=True)
        self.store = store
        self.prefix = prefix
        self.written = 0

    def write(self, count: int = 1, end: str = ".journal") -> None:
        """Leave full files, as systemd-journal-remote does, and one that is still written to."""
        for _ in range(count):
            self.written += 1
            name = f"remote-127.0.0.1@{'ab' * 16}-{self.written:016x}-{self.written:016x}{end}"
            (self.logs / name).write_bytes(random.randbytes(2000 + self.written))
        (self.logs / "remote-127.0.0.1.journal").write_bytes(random.randbytes(100))

    def files(self) -> list[Path]:
        return [self.logs / json.loads(entry.read_text())["file"] for entry in self.entries()]

    def entries(self) -> list[Path]:
        return sorted(self.chain.glob("*.json"))

    def head(self) -> str:
        return hashlib.sha256(self.entries()[-1].read_bytes()).hexdigest()

    def run(self, command: str, *options: str, user: str | None = None) -> tuple[int, str]:
        arguments = ["bash", str(SCRIPT), command, "--logs", str(self.logs), "--chain", str(self.chain)]
        if user and self.store:
            url = f"{self.store.url}/{BUCKET}{self.prefix}"
            arguments += ["--bucket", url, "--region", REGION, "--curl", str(DIRECTORY / f"{user}.curl")]
        done = subprocess.run([*arguments, *options], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


DIRECTORY = Path(tempfile.mkdtemp(prefix="uecho-archive-"))


def setUpModule() -> None:
    unittest.addModuleCleanup(shutil.rmtree, DIRECTORY)


class Chain(unittest.TestCase):
    """Without a bucket."""

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(dir=DIRECTORY))
        self.archive = Archive(self.directory)
        self.archive.write(4)
        self.archive.write(1, ".journal~")
        self.good("seal")

    def good(self, command: str, *options: str) -> str:
        status, told = self.archive.run(command, *options)
        self.assertEqual(status, 0, told)
        return told

    def found(self, what: str, *options: str) -> None:
        status, told = self.archive.run("verify", *options)
        self.assertEqual((status, told.strip()), (1, f"log-archive: {what}"))

    def found_short(self, last: int, head: str) -> None:
        end = f"the chain ends with {last:08}.json and does not have the head {head}"
        self.found(f"missing: {end}", "--head", head)

    def test_each_file_is_sealed_once_and_the_head_is_printed(self) -> None:
        self.assertEqual(len(self.archive.entries()), 5)
        previous = "0" * 64
        for number, entry in enumerate(self.archive.entries(), 1):
            content = json.loads(entry.read_text())
            file = self.archive.logs / content["file"]
            self.assertEqual(
                content,
                {
                    "sequence": number,
                    "previous": previous,
                    "file": file.name,
                    "size": file.stat().st_size,
                    "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                },
            )
            previous = hashlib.sha256(entry.read_bytes()).hexdigest()
        told = self.good("seal")
        self.assertEqual(told, f"5 entries, head {previous}\n")
        self.assertIn(previous, self.good("verify", "--head", previous))
        # The file that is still written to is not in it, and an earlier head stays good.
        self.archive.write(2)
        self.assertIn("00000007.json", self.good("seal"))
        self.good("verify", "--head", previous)

    def test_a_changed_file_is_named(self) -> None:
        file = self.archive.files()[2]
        flip(file, 1000)
        self.found(f"altered: {file.name} (00000003.json)")

    def test_a_missing_file_is_named(self) -> None:
        file = self.archive.files()[1]
        file.unlink()
        self.found(f"missing: {file.name} (00000002.json)")

    def test_a_missing_entry_is_named(self) -> None:
        self.archive.entries()[1].unlink()
        self.found("missing: 00000002.json")
        self.assertEqual(self.archive.run("seal")[0], 69)

    def test_entries_that_changed_places_are_named(self) -> None:
        second, third = self.archive.entries()[1:3]
        content = second.read_text()
        second.write_text(third.read_text())
        third.write_text(content)
        self.found("reordered: 00000002.json says that it is another entry")

    def test_a_file_and_its_entry_changed_together_are_named(self) -> None:
        self.forge(1)
        self.found("altered: 00000002.json is not what the chain goes on from")

    def forge(self, index: int) -> None:
        """Change a file, and its entry so that it fits."""
        file, entry = self.archive.files()[index], self.archive.entries()[index]
        flip(file, -1)
        content = json.loads(entry.read_text())
        content["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
        entry.write_text(json.dumps(content, separators=(",", ":")) + "\n")

    def test_an_end_that_was_cut_off_is_noticed_by_the_head(self) -> None:
        head = self.archive.head()
        self.archive.entries()[-1].unlink()
        self.good("verify")
        self.found_short(4, head)
        for entry in self.archive.entries():
            entry.unlink()
        self.found_short(0, head)

    def test_the_last_entry_forged_is_noticed_by_the_head(self) -> None:
        head = self.archive.head()
        self.forge(-1)
        self.found_short(5, head)

    def test_what_is_no_entry_is_named(self) -> None:
        self.archive.entries()[3].write_text("{}\n")
        self.found("altered: 00000004.json is not an entry")

    def test_random_changes_are_found(self) -> None:
        """Any one byte of any file or entry; any one of them removed, or two exchanged."""
        head = self.archive.head()
        generator = random.Random(1)
        for number in range(CHANGES):
            copy = Archive(self.directory / f"copy-{number}")
            shutil.copytree(self.archive.logs, copy.logs, dirs_exist_ok=True)
            shutil.copytree(self.archive.chain, copy.chain)
            kind = generator.choice(["flip", "remove", "exchange", "cut"])
            victim, other = generator.sample([*copy.files(), *copy.entries()], 2)
            if kind == "flip":
                flip(victim, generator.randrange(victim.stat().st_size), 1 << generator.randrange(8))
            elif kind == "remove":
                victim.unlink()
            elif kind == "exchange":
                first, second = victim.read_bytes(), other.read_bytes()
                victim.write_bytes(second)
                other.write_bytes(first)
            else:
                data = victim.read_bytes()
                victim.write_bytes(data[: generator.randrange(len(data))])
            status, told = copy.run("verify", "--head", head)
            self.assertEqual(status, 1, f"{kind} {victim.name} {other.name}: {told}")

    def test_a_crash_at_any_write_leaves_a_chain_that_goes_on(self) -> None:
        """What a cut leaves is the file that the next entry is made in."""
        (self.archive.chain / ".new").write_text('{"sequence":6,"prev')
        self.archive.write(1)
        self.good("seal")
        self.good("verify")
        self.assertEqual(len(self.archive.entries()), 6)

    def test_wrong_use_is_told(self) -> None:
        for options, part in [
            (["--head", "abc"], "--head abc is not a SHA-256"),
            (["--bucket", "logs"], "--bucket logs is not https://HOST/BUCKET"),
            (["--curl", "/nonexistent"], "--curl /nonexistent cannot be read"),
            (["--days", "0"], "--days 0 is not a number of days"),
            (["--head"], "--head needs a value"),
            (["--what", "x"], "no option --what"),
        ]:
            status, told = self.archive.run("verify", *options)
            self.assertEqual(status, 2, options)
            self.assertIn(part, told)


class Bucket(unittest.TestCase):
    """With a bucket."""

    store: Store

    @classmethod
    def setUpClass(cls) -> None:
        cls.store = Store(DIRECTORY)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.store.close()

    def setUp(self) -> None:
        self.prefix = f"/{self.id().rsplit('.', 1)[1]}"
        self.archive = Archive(Path(tempfile.mkdtemp(dir=DIRECTORY)), self.store, self.prefix)
        self.archive.write(3)
        self.good("seal")
        self.good("upload", user="writer")

    def good(self, command: str, *options: str, user: str | None = None) -> str:
        status, told = self.archive.run(command, *options, user=user)
        self.assertEqual(status, 0, told)
        return told

    def found(self, what: str) -> None:
        status, told = self.archive.run("verify", user="reader")
        self.assertEqual((status, told.strip()), (1, f"log-archive: {what}"))

    def keys(self) -> list[str]:
        listed = self.store.client("reader").list_objects_v2(Bucket=BUCKET, Prefix=self.prefix[1:])
        return sorted(item["Key"] for item in listed["Contents"])

    def refused(self, action: Callable[[], object], code: str = "AccessDenied") -> None:
        with self.assertRaises(ClientError) as caught:
            action()
        self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def test_files_and_entries_are_there_locked_for_400_days(self) -> None:
        names = [f"chain/{entry.name}" for entry in self.archive.entries()]
        names += [f"files/{json.loads(e.read_text())['sha256']}.journal" for e in self.archive.entries()]
        self.assertEqual(self.keys(), sorted(f"{self.prefix[1:]}/{name}" for name in names))
        reader = self.store.client("reader")
        for key in self.keys():
            item = reader.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
            self.assertEqual(item["ObjectLockMode"], "COMPLIANCE")
            kept = item["ObjectLockRetainUntilDate"] - datetime.now(UTC)
            self.assertAlmostEqual(kept / timedelta(days=1), 400, delta=0.1)
            digest = base64.b64encode(hashlib.sha256(item["Body"].read()).digest()).decode()
            self.assertEqual(item["ChecksumSHA256"], digest)
        self.good("verify", user="reader")
        # Nothing is sent twice.
        self.assertIn("0 entries", self.good("upload", user="writer"))

    def version(self, key: str) -> str:
        """The one that an ask without a version gets."""
        return self.store.client("reader").head_object(Bucket=BUCKET, Key=key)["VersionId"]

    def test_the_archive_may_only_write(self) -> None:
        writer, key = self.store.client("writer"), self.keys()[0]
        self.refused(lambda: writer.delete_object(Bucket=BUCKET, Key=key))
        self.refused(lambda: writer.get_object(Bucket=BUCKET, Key=key))
        status, told = self.archive.run("verify", user="writer")
        self.assertEqual(status, 69, told)
        self.assertIn("403 AccessDenied", told)

    def test_even_who_may_do_everything_cannot_delete(self) -> None:
        owner = self.store.client("owner")
        for key in self.keys():
            version = self.version(key)
            for bypass in [False, True]:
                self.refused(
                    lambda k=key, v=version, b=bypass: owner.delete_object(
                        Bucket=BUCKET, Key=k, VersionId=v, BypassGovernanceRetention=b
                    )
                )
        self.good("verify", user="reader")

    def test_what_was_hidden_is_named_and_still_there(self) -> None:
        """Without a version, S3 deletes nothing: it hides."""
        key = f"{self.prefix[1:]}/chain/00000002.json"
        version, owner = self.version(key), self.store.client("owner")
        marker = owner.delete_object(Bucket=BUCKET, Key=key)["VersionId"]
        self.found("missing: 00000002.json is not in the bucket (is it uploaded?)")
        hidden = owner.get_object(Bucket=BUCKET, Key=key, VersionId=version)["Body"].read()
        self.assertEqual(hidden, self.archive.entries()[1].read_bytes())
        owner.delete_object(Bucket=BUCKET, Key=key, VersionId=marker)
        self.good("verify", user="reader")

    def test_a_chain_made_anew_is_named(self) -> None:
        """An attacker on the archive changes a file and makes a chain that fits."""
        file = self.archive.files()[1]
        file.write_bytes(b"nothing to see here")
        shutil.rmtree(self.archive.chain)
        self.good("seal")
        self.good("verify")
        self.found("altered: 00000002.json is not the one in the bucket")

    def test_an_end_that_was_cut_off_is_named(self) -> None:
        self.archive.entries()[-1].unlink()
        self.good("verify")
        self.found("missing: 00000003.json is in the bucket")

    def test_a_file_that_only_the_bucket_has_is_proven_there(self) -> None:
        """The archive makes room; the bucket does not."""
        self.archive.files()[0].unlink()
        self.assertEqual(self.archive.run("verify")[0], 1)
        self.assertIn("1 of the files in the bucket only", self.good("verify", user="reader"))

    def test_an_object_is_not_replaced(self) -> None:
        """One who may write can make another version, but not by an upload, and the first one stays."""
        key = f"{self.prefix[1:]}/chain/00000002.json"
        (self.archive.chain / ".uploaded").unlink()
        version = self.version(key)
        self.assertIn("is in the bucket already", self.good("upload", user="writer"))
        self.assertEqual(self.version(key), version)
        self.store.client("writer").put_object(Bucket=BUCKET, Key=key, Body=b"{}", ChecksumAlgorithm="SHA256")
        self.found("altered: 00000002.json is not the one in the bucket")
        first = self.store.client("owner").get_object(Bucket=BUCKET, Key=key, VersionId=version)
        self.assertEqual(first["Body"].read(), self.archive.entries()[1].read_bytes())
        self.assertEqual(first["ObjectLockMode"], "COMPLIANCE")

    def test_an_upload_that_was_cut_off_goes_on(self) -> None:
        self.archive.write(2)
        self.good("seal")
        # The file arrived, the entry did not.
        name = f"files/{json.loads(self.archive.entries()[3].read_text())['sha256']}.journal"
        self.store.client("writer").put_object(
            Bucket=BUCKET,
            Key=f"{self.prefix[1:]}/{name}",
            Body=self.archive.files()[3].read_bytes(),
            ChecksumAlgorithm="SHA256",
        )
        self.assertIn("2 entries", self.good("upload", user="writer"))
        self.good("verify", user="reader")

    def test_a_file_that_changed_before_its_upload_is_refused(self) -> None:
        self.archive.write(1)
        self.good("seal")
        file = self.archive.files()[3]
        file.write_bytes(b"x" * file.stat().st_size)
        status, told = self.archive.run("upload", user="writer")
        self.assertEqual(status, 69, told)
        self.assertIn(f"altered: {file.name}", told)

    def test_what_an_upload_asks_for(self) -> None:
        """The headers, which S3 needs and moto does not all look at."""
        asked: list[dict[str, str]] = []

        class Recorder(http.server.BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked.append({"path": self.path, "body": hashlib.sha256(body).hexdigest(), **self.headers})
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        (self.archive.chain / ".uploaded").unlink()
        with http.server.HTTPServer(("127.0.0.1", 0), Recorder) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}/{BUCKET}"
            curl = str(DIRECTORY / "writer.curl")
            self.good("upload", "--bucket", url, "--region", REGION, "--curl", curl, "--days", "7")
            server.shutdown()
        hashes = [json.loads(entry.read_text())["sha256"] for entry in self.archive.entries()]
        names = [entry.name for entry in self.archive.entries()]
        paths = [[f"/{BUCKET}/files/{h}.journal", f"/{BUCKET}/chain/{n}"] for h, n in zip(hashes, names)]
        self.assertEqual([item["path"] for item in asked], [path for pair in paths for path in pair])
        for item in asked:
            digest = base64.b64encode(bytes.fromhex(item["body"])).decode()
            until = datetime.fromisoformat(item["x-amz-object-lock-retain-until-date"])
            self.assertAlmostEqual((until - datetime.now(UTC)) / timedelta(days=1), 7, delta=0.1)
            self.assertEqual(item["x-amz-content-sha256"], item["body"])
            self.assertEqual(item["x-amz-checksum-sha256"], digest)
            self.assertEqual(item["x-amz-object-lock-mode"], "COMPLIANCE")
            self.assertEqual(item["If-None-Match"], "*")
            signed = re.search(r"SignedHeaders=([^,]*),", item["Authorization"])
            assert signed
            wanted = {name for name in map(str.lower, item) if name.startswith("x-amz-")} | {"host"}
            self.assertLessEqual(wanted, set(signed[1].split(";")))

    def test_a_bucket_without_locks_is_refused(self) -> None:
        url = f"{self.store.url}/unlocked"
        (self.archive.chain / ".uploaded").unlink()
        status, told = self.archive.run(
            "upload", "--bucket", url, "--region", REGION, "--curl", str(DIRECTORY / "writer.curl")
        )
        self.assertEqual(status, 69, told)
        self.assertIn("was refused: 400 InvalidRequest", told)

    def test_a_wrong_key_and_no_bucket_are_told(self) -> None:
        (self.archive.chain / ".uploaded").unlink()
        wrong = DIRECTORY / "wrong.curl"
        wrong.write_text(f'user = "{self.store.keys["writer"][0]}:wrong"\n')
        url = f"{self.store.url}/{BUCKET}{self.prefix}"
        for bucket, part in [(url, "403 SignatureDoesNotMatch"), ("http://127.0.0.1:9/logs", "no answer")]:
            status, told = self.archive.run(
                "upload", "--bucket", bucket, "--region", REGION, "--curl", str(wrong)
            )
            self.assertEqual(status, 69, told)
            self.assertIn(part, told)


if __name__ == "__main__":
    unittest.main()

"""nginx and redis-server on loopback, with clients that use all that they are asked to serve."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

PATIENCE = 60
"""Seconds after which a server or a client is stuck."""
LOOPBACK = "127.0.0.1"


class Server(ABC):
    """A server whose files are all in one folder."""

    program: str

    def __init__(self, folder: Path) -> None:
        """Take a folder that is there, and a free port."""
        self.folder = folder
        with closing(socket.create_server((LOOPBACK, 0))) as free:
            self.port: int = free.getsockname()[1]
        self.exe = Path(shutil.which(self.program) or "").resolve()
        """The kernel tells the file, not the link that it was called by."""

    @abstractmethod
    def words(self) -> list[str]:
        """The command that runs it in the foreground."""

    @abstractmethod
    def load(self) -> None:
        """Many common requests; fails if one does."""

    @abstractmethod
    def load_rarely(self) -> None:
        """A few requests that let the server do what the common ones do not; fails if one does."""

    @contextmanager
    def started(self, *under: str | Path) -> Iterator[None]:
        """Run it under another command until it is told to end, which it must do well."""
        said = self.folder / "said"
        with said.open("wb") as stream:
            server = subprocess.Popen(
                [*under, *self.words()], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
            )
        try:
            self._wait(server, said)
            yield
            server.send_signal(signal.SIGTERM)
            assert server.wait(PATIENCE) == 0, said.read_text()
        finally:
            _end(server)

    def _wait(self, server: subprocess.Popen[bytes], said: Path) -> None:
        """Until it answers."""
        until = time.monotonic() + PATIENCE
        while server.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection((LOOPBACK, self.port), PATIENCE).close()
            except ConnectionRefusedError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(said.read_text())


def _end(server: subprocess.Popen[bytes]) -> None:
    """What is left of it: nothing, if all went well."""
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


class Nginx(Server):
    """A master and a worker that sends files, small and large ones. It puts no bodies into files of its own: whether it
    does that at once or in parts (pwrite64, pwritev) is a matter of time, and would take more recordings."""

    program = "nginx"
    _LARGE = bytes(range(256)) * 4096
    _CONFIGURATION = """
        daemon off; user root; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
        events {{}}
        http {{
            access_log {folder}/access.log; sendfile on; gzip on; gzip_types *;
            proxy_max_temp_file_size 0;
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
            server {{
                listen {loopback}:{port}; root {folder}/files;
                location /again/ {{ proxy_pass http://{loopback}:{port}/; }}
            }}
        }}
    """

    def words(self) -> list[str]:
        files = self.folder / "files"
        files.mkdir(exist_ok=True)
        (files / "small").write_bytes(b"small\n")
        (files / "large").write_bytes(self._LARGE)
        configuration = self.folder / "nginx.conf"
        configuration.write_text(
            self._CONFIGURATION.format(folder=self.folder, port=self.port, loopback=LOOPBACK), encoding="utf-8"
        )
        return [self.program, "-p", str(self.folder), "-c", str(configuration), "-e", str(self.folder / "error.log")]

    def load(self) -> None:
        for _ in range(50):
            with closing(self._client()) as client:
                assert self._answer(client, "GET", "/small") == (200, b"small\n")
                assert self._answer(client, "HEAD", "/small") == (200, b"")
                assert self._answer(client, "GET", "/none")[0] == 404

    def load_rarely(self) -> None:
        with closing(self._client()) as client:
            for path in ("/large", "/again/large"):
                assert self._answer(client, "GET", path) == (200, self._LARGE)
                assert self._answer(client, "GET", path, Range="bytes=10-19") == (206, self._LARGE[10:20])
                assert self._answer(client, "GET", path, **{"Accept-Encoding": "gzip"})[0] == 200
                assert self._answer(client, "POST", path)[0] == 405

    def _client(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(LOOPBACK, self.port, timeout=PATIENCE)

    def _answer(self, client: http.client.HTTPConnection, method: str, path: str, **headers: str) -> tuple[int, bytes]:
        client.request(method, path, body=b"x" * 100 if method == "POST" else None, headers=headers)
        answer = client.getresponse()
        return answer.status, answer.read()


class Redis(Server):
    """A server that keeps nothing but what it is told to save."""

    program = "redis-server"

    def words(self) -> list[str]:
        options = {"--port": str(self.port), "--bind": LOOPBACK, "--dir": str(self.folder), "--save": ""}
        return [self.program, *(word for option in options.items() for word in option)]

    def load(self) -> None:
        tests = "ping,set,get,incr,lpush,rpop,sadd,hset,spop,zadd,lrange_100,mset"
        done = self._says("redis-benchmark", "--csv", "-n", "500", "-c", "10", "-t", tests)
        assert len(done.splitlines()) > len(tests.split(",")), done

    def load_rarely(self) -> None:
        assert self._says("redis-cli", "SET", "name", "value") == "OK\n"
        assert self._says("redis-cli", "SAVE") == "OK\n"
        assert self._says("redis-cli", "BGSAVE") == "Background saving started\n"
        until = time.monotonic() + PATIENCE
        while "rdb_bgsave_in_progress:1" in (state := self._says("redis-cli", "INFO", "persistence")):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert "rdb_last_bgsave_status:ok" in state
        assert self._says("redis-cli", "GET", "name") == "value\n"

    def _says(self, client: str, *words: str) -> str:
        done = subprocess.run(
            [client, "-h", LOOPBACK, "-p", str(self.port), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

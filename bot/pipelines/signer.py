"""Signs what the training made: here, not where the repository's code runs, so that no stage ever sees the key."""

from dataclasses import dataclass
from pathlib import Path

from bot.core.image import PUBLIC_KEY
from bot.core.signature import NAME, SIGNED, SigningKey
from bot.pipelines.release import Unsound


@dataclass(frozen=True, slots=True)
class Signer:
    """The operator's key, and the file with its public half, which gates and services get."""

    key: SigningKey
    public: Path

    @classmethod
    def of(cls, pem: str, folder: Path) -> "Signer":
        """The signer with the key in a PEM text; its public half is written into the folder."""
        key, public = SigningKey.read(pem), folder / PUBLIC_KEY
        public.write_bytes(key.public_pem())
        return cls(key, public)

    def sign(self, model: Path) -> None:
        """Write the signature into a model directory, whoever signed it before; raises Unsound."""
        try:
            files = {name: (model / name).read_bytes() for name in SIGNED}
        except OSError as error:
            raise Unsound(f"The model cannot be signed: {error.filename} cannot be read ({error.strerror}).") from error
        (model / NAME).unlink(missing_ok=True)
        (model / NAME).write_bytes(self.key.sign(files))

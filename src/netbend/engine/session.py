"""A session: one loaded model that carries requests out."""

from collections.abc import Iterator, Sequence
from threading import RLock
from typing import Any

from PIL import Image

from netbend.choices import Precision
from netbend.engine.batch import render_batch
from netbend.engine.bound import Bound, bind
from netbend.engine.frames import Film
from netbend.engine.prefix_cache import PrefixCache
from netbend.engine.progress import Progress, tell, telling_layers
from netbend.engine.request import RenderRequest
from netbend.engine.still import Still
from netbend.models.base import Model
from netbend.models.capabilities import image_output
from netbend.models.catalog import choose_device, load_model
from netbend.models.precision import wants_bfloat16


class Session:
    """Carries out requests with one loaded model.

        session = Session.open("faces")
        session.image(RenderRequest.of("faces", "neon.yaml", seeds=[3])).save("bent.png")

    What lies before the first layer that a request changes is kept for the next one, up to a gigabyte. A
    session can be used from several threads: one request at a time is computed. It can be pickled if it was
    opened by name; what comes out in another process is opened there anew.
    """

    def __init__(self, model: Model):
        self.model = model
        self._opened_with: tuple[str, str, Precision] | None = None
        self._lock = RLock()
        self._cache = PrefixCache()

    @classmethod
    def open(
        cls, model: str, device: str = "auto", precision: Precision | str = Precision.FLOAT32
    ) -> "Session":
        """Load a model.

        Args:
            model: Its name, or a checkpoint file.
            device: Such as cpu, cuda or cuda:1; auto for a GPU where there is one.
            precision: In which it computes.

        Raises:
            ModelError: There is no such model or device.
            CheckpointError: Its file cannot be used.
        """
        precision = Precision(precision)
        bf16 = wants_bfloat16(precision, choose_device(device))
        session = cls(load_model(model, device, bf16=bf16))
        session._opened_with = (model, device, precision)
        return session

    def __reduce__(self) -> Any:
        if self._opened_with is None:
            raise TypeError("only a session that Session.open made can be pickled")
        return Session.open, self._opened_with

    def __repr__(self) -> str:
        return f"<Session of {self.model!r}>"

    def bind(self, request: RenderRequest) -> Bound:
        """Decide all that a request leaves open, see `bind`."""
        return bind(request, self.model)

    def still(self, request: RenderRequest) -> Still:
        """The pictures of a request, decided and not yet made. Raises as `bind`, and ModelError for a model
        of anything else."""
        image_output(self.model)
        return self.bind(request).still()

    def image(self, request: RenderRequest | Still, progress: Progress | None = None) -> Image.Image:
        """The picture of a request, the first of several.

        Args:
            request: What is wanted.
            progress: Told of every layer that has run; it can cancel between two of them.

        Raises:
            NetbendError: As `bind`.
            NonFiniteError: A bend, or the network, made NaN or infinity.
            Cancelled: `progress` gave False. What comes next is not affected.
        """
        still = request if isinstance(request, Still) else self.still(request)
        with self._lock, telling_layers(self.model, progress):
            return self._cache.picture(still[0])

    def images(self, stills: Sequence[Still]) -> Iterator[tuple[int, Image.Image]]:
        """The pictures of stills of one picture each, with their places, in the order that is fastest."""
        pictures = render_batch(stills)
        for _ in stills:
            with self._lock:
                made = next(pictures)
            yield made

    def film(self, request: RenderRequest) -> Film:
        """The frames of a request, each made when it is asked for. Raises as `still`."""
        image_output(self.model)
        return Film.of(self.bind(request))

    def frames(
        self,
        request: RenderRequest,
        first: int = 0,
        end: int | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Image.Image]:
        """Frames from `first` up to, without it, `end`; to the last if that is None.

        progress: told of every frame that is made; it can cancel after each. Raises as `image`.
        """
        film = self.film(request)
        frames = film.frames(first, end)
        total = max(0, (len(film) if end is None else min(end, len(film))) - first)
        for done in range(1, total + 1):
            with self._lock:
                frame = next(frames)
            tell(progress, "frame", done, total)
            yield frame

"""How Jupyter saves the course's notebooks: what is in a file shows its pictures to whoever opens it.

`make lab` and Binder's `postBuild` tell Jupyter to use the class here.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from helpers.views import Place, put_views, take_views


class PicturesInFiles(AsyncLargeFileManager):
    """Jupyter's file manager, with widgets' views in memory and not in the files.

    A file then shows its pictures and questions wherever it is opened. A page that is loaded again beside the
    kernel that made the widgets gets their views back, and goes on moving them.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Of each file: when it was saved, beside which kernel, and what was taken out of it.
        self._taken: dict[str, tuple[Any, Any, dict[Place, dict[str, Any]]]] = {}
        self._made_by: dict[str, Any] = {}

    async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        """Save a file, a notebook without the views whose models live in a kernel."""
        if not _is_notebook(model):
            return await super().save(model, path)
        kernel = await self._kernel(path)
        views = take_views(model["content"])
        saved = await super().save(model, path)
        # What an earlier kernel made, or the same one before a restart, is lost; its pictures remain.
        alive = {
            place: view
            for place, view in views.items()
            if self._made_by.setdefault(view["model_id"], kernel) == kernel
        }
        self._taken[path.strip("/")] = saved["last_modified"], kernel, alive
        return saved

    async def get(self, path: str, content: bool = True, **options: Any) -> dict[str, Any]:
        """Read a file, a notebook with the views that its running kernel can still show."""
        model = await super().get(path, content, **options)
        if _is_notebook(model):
            take_views(model["content"])  # of files that others saved
            modified, kernel, views = self._taken.get(path.strip("/"), (None, None, {}))
            if modified == model["last_modified"] and kernel == await self._kernel(path):
                put_views(model["content"], views)
        return model

    async def _kernel(self, path: str) -> tuple[str, Any] | None:
        """Return what tells a notebook's kernel from every other, and from itself before a restart."""
        for session in await self.parent.session_manager.list_sessions():
            if session["path"] == path.strip("/"):
                identity = session["kernel"]["id"]
                kernel = self.parent.kernel_manager.get_kernel(identity)
                return identity, getattr(kernel.provisioner, "pid", None)
        return None


def _is_notebook(model: dict[str, Any]) -> bool:
    return model.get("type") == "notebook" and bool(model.get("content"))

"""The notebook of the examples as a page: run by Jupyter's own client, with all that it shows."""

from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
SOURCE = HERE.parent / "examples" / "walk.ipynb"
PAGE = HERE / "walk.ipynb"
WIDGET = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"


def run(source):
    """A notebook with its outputs; a cell that fails is an error."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(source, as_version=4)
    with TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            store_widget_state=True,
        ).execute()
    return notebook


def without_widgets(notebook):
    """What live widgets showed last, in their place: no reader's browser asks for their scripts."""
    import nbformat

    states = notebook.metadata.pop("widgets", {}).get(STATE, {}).get("state", {})
    for cell in notebook.cells:
        outputs = []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if WIDGET in data:
                shown = states.get(data[WIDGET]["model_id"], {}).get("state", {})
                outputs += [nbformat.from_dict(each) for each in shown.get("outputs", [])]
            elif data.get("text/plain") != "":  # what a closed widget leaves behind
                outputs.append(output)
        if cell.cell_type == "code":
            cell.outputs = outputs
    return notebook


def make_all(app=None):
    import nbformat

    if PAGE.exists() and PAGE.stat().st_mtime > SOURCE.stat().st_mtime:
        return
    notebook = without_widgets(run(SOURCE))
    nbformat.write(notebook, PAGE)

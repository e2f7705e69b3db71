"""Documents are kept until a file changes, and then only the domain of that file is read again."""

from __future__ import annotations

from platform_resources.lake import MeshSettings
from platform_resources.pipeline import read_mesh
from tests.tiny_mesh import REPOSITORY


def test_only_the_domain_of_a_changed_file_is_read_again(tmp_path):
    project = tmp_path / "project"
    for name in ("one", "other"):
        folder = project / "domains" / name
        folder.mkdir(parents=True)
        text = (REPOSITORY / "domains" / "crm" / "domain.yaml").read_text()
        (folder / "domain.yaml").write_text(text.replace("name: crm", f"name: {name}"))
    settings = MeshSettings(home=tmp_path / "home", project=project)
    mesh, council = read_mesh(settings)
    assert read_mesh(settings) == (mesh, council)
    assert read_mesh(settings)[0] is mesh
    file = project / "domains" / "one" / "domain.yaml"
    file.write_text(file.read_text().replace("purpose: ", "purpose: Edited. ", 1))
    later, _ = read_mesh(settings)
    assert later.usable["other"] is mesh.usable["other"]
    assert later.usable["one"].domain.purpose != mesh.usable["one"].domain.purpose
    file.write_text("{[")
    assert set(read_mesh(settings)[0].broken) == {"one"}
    file.unlink()
    assert set(read_mesh(settings)[0].usable) == {"other"}

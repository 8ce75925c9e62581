"""The few statements that every sign-in passes, each written once in the life of a process.

Django writes the SQL of a query anew whenever it is asked, and for these few that takes longer than the database
takes to answer. So it is asked once, and its words are kept: the columns are those of the models, however they
change, and values go in and out through the models' own fields, on either database. What comes back is what a
query would have given.

For the hot path alone. Anything else reads better as a query.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.query import get_related_populators

Row = TypeVar("Row", bound=models.Model)


class Find(Generic[Row]):
    """`model.objects.select_related(*related).get(by=value)`, in the same SQL; None if there is no such row.

    `by` is unique: no second row is looked for.
    """

    def __init__(self, model: type[Row], *, by: str, related: Sequence[str] = ()) -> None:
        rows: models.QuerySet[Row] = model._default_manager.select_related(*related)  # noqa: SLF001 -- documented
        self._key: Any = _columns(model)[by]
        self._rows = rows
        self._written: tuple[str, _Reader[Row]] | None = None

    def __call__(self, value: Any) -> Row | None:
        database = connections[DEFAULT_DB_ALIAS]
        sql, reader = self._written or self._write(value)
        with database.cursor() as cursor:
            cursor.execute(sql, (_kept(value, self._key, database),))
            found = cursor.fetchone()
        return reader.read(found, database) if found else None

    def _write(self, value: Any) -> tuple[str, "_Reader[Row]"]:
        query = self._rows.filter(**{self._key.attname: value}).query
        sql, parameters = query.sql_with_params()
        if len(parameters) != 1:
            raise TypeError(f"{self._key} is not compared with one value")
        self._written = sql, _Reader.of(self._rows)
        return self._written


class Change(Generic[Row]):
    """An UPDATE that may happen once, and gives the row it changed: for this Django has no word.

    `words` follow SET. Of the values they name, those of `columns` travel as that column is kept, the rest as text.
    """

    def __init__(self, model: type[Row], words: str, **columns: str) -> None:
        self._fields = {name: _columns(model)[column] for name, column in columns.items()}
        given = ", ".join(f'"{column}"' for column in _columns(model))
        self._sql = f'UPDATE "{model._meta.db_table}" SET {words} RETURNING {given}'  # noqa: S608, SLF001 -- our own words
        self._rows = model._default_manager.all()  # noqa: SLF001 -- documented
        self._reader: _Reader[Row] | None = None

    def __call__(self, **values: Any) -> Row | None:
        database = connections[DEFAULT_DB_ALIAS]
        if self._reader is None:
            self._reader = _Reader.of(self._rows)
        kept = {name: _kept(values[name], field, database) for name, field in self._fields.items()}
        with database.cursor() as cursor:
            cursor.execute(self._sql, values | kept)
            changed = cursor.fetchone()
        return self._reader.read(changed, database) if changed else None


def insert(row: Row) -> Row:
    """`row`, after `row.save(force_insert=True)`, for a model that makes its own keys.

    No signals are sent: nobody listens on these paths.
    """
    database = connections[DEFAULT_DB_ALIAS]
    values = [_kept(getattr(row, field.attname), field, database) for field in _columns(type(row)).values()]
    with database.cursor() as cursor:
        cursor.execute(_insertion(type(row)), values)
    row._state.adding = False  # noqa: SLF001 -- documented: how a row says that it is kept
    row._state.db = DEFAULT_DB_ALIAS  # noqa: SLF001 -- as above
    return row


@dataclass(frozen=True)
class _Reader(Generic[Row]):
    """From the columns that a query selects to a row with its related rows, as Django does it."""

    model: type[Row]
    names: list[str]
    converters: list[tuple[int, list[Callable[..., Any]], Any]]
    populators: list[Any]

    @classmethod
    def of(cls, rows: models.QuerySet[Row]) -> "_Reader[Row]":
        compiler: Any = rows.query.get_compiler(using=DEFAULT_DB_ALIAS)
        compiler.pre_sql_setup()
        selected = [column for column, _sql, _alias in compiler.select]
        converters = compiler.get_converters(selected)
        own = compiler.klass_info["select_fields"]
        return cls(
            model=rows.model,
            names=[selected[position].target.attname for position in own],
            converters=[(position, list(steps), column) for position, (steps, column) in converters.items()],
            populators=get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS),
        )

    def read(self, found: Sequence[Any], database: BaseDatabaseWrapper) -> Row:
        values = list(found)
        for position, steps, column in self.converters:
            for step in steps:
                values[position] = step(values[position], column, database)
        row = self.model.from_db(DEFAULT_DB_ALIAS, self.names, values[: len(self.names)])
        for populator in self.populators:
            populator.populate(values, row)
        return row


def _kept(value: Any, field: Any, database: BaseDatabaseWrapper) -> Any:
    """`value` as the database keeps it in the column of `field`."""
    # Most columns of most rows hold text or nothing, which is kept as it is; to ask the field takes longer.
    if value is None or (type(value) is str and isinstance(field, models.CharField | models.TextField)):
        return value
    return field.get_db_prep_save(value, database)


@cache
def _columns(model: type[models.Model]) -> dict[str, Any]:
    return {field.column: field for field in model._meta.concrete_fields}  # noqa: SLF001 -- documented


@cache
def _insertion(model: type[models.Model]) -> str:
    columns = _columns(model)
    if model._meta.db_returning_fields:  # noqa: SLF001 -- as Django asks it itself
        raise TypeError(f"{model.__name__} has a key that the database makes")
    names, places = ", ".join(f'"{column}"' for column in columns), ", ".join(["%s"] * len(columns))
    return f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({places})'  # noqa: S608, SLF001 -- our own words

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def _order_by_bytes(_apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """On SQLite texts are ordered so already; PostgreSQL orders by the rules of its locale, where a prefix is no range."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute('ALTER TABLE idp_user ALTER COLUMN username_key TYPE varchar(150) COLLATE "C"')
        schema_editor.execute('ALTER TABLE idp_user ALTER COLUMN email_key TYPE varchar(254) COLLATE "C"')


class Migration(migrations.Migration):

    dependencies = [
        ('idp', '0012_invitations'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='status_before',
            field=models.CharField(blank=True, choices=[('invited', 'Invited'), ('active', 'Active'), ('suspended', 'Suspended'), ('stopped', 'Stopped'), ('frozen', 'Frozen'), ('deleted', 'Deleted')], default='', max_length=20),
        ),
        migrations.RunPython(_order_by_bytes, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(fields=['status', 'username_key'], name='idp_user_by_status'),
        ),
        migrations.AlterField(
            model_name='auditentry',
            name='name',
            field=models.CharField(max_length=60),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['name', 'sequence'], name='idp_auditentry_event'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['at'], name='idp_auditentry_at'),
        ),
    ]

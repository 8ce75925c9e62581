"""Codes grow while somebody guesses."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recovery", "0003_known_browser")]

    operations = [
        migrations.RenameField("Journey", "identifier_digest", "counted_as"),
        migrations.AddField("Challenge", "long_since", models.PositiveIntegerField(null=True)),
    ]

"""Codes grow while somebody guesses."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recovery", "0002_ways")]

    operations = [
        migrations.AddField("Challenge", "long_since", models.PositiveIntegerField(null=True)),
    ]

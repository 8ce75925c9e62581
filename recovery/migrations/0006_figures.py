"""When enough was proven in a journey, and when it was of use."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recovery", "0005_asking")]

    operations = [
        migrations.AddField("Journey", "enough_at", models.DateTimeField(null=True)),
        migrations.AddField("Journey", "finished_at", models.DateTimeField(null=True)),
    ]

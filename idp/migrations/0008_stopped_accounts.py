from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("idp", "0007_channels")]

    operations = [
        migrations.AddField("user", "stopped_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "user",
            models.Index(
                fields=["stopped_at"], condition=models.Q(stopped_at__isnull=False), name="idp_user_stopped"
            ),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("idp", "0008_stopped")]

    operations = [
        migrations.AddField("user", "frozen_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "user",
            models.Index(
                fields=["frozen_at"], condition=models.Q(frozen_at__isnull=False), name="idp_user_frozen"
            ),
        ),
    ]
